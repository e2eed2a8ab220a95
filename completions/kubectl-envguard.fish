# Completion of kubectl-envguard in fish; kubectl's own completion asks for
# `kubectl envguard`. Printed by `kubectl-envguard completion fish`.

function __kubectl_envguard_complete
    set -l before (commandline --tokenize --cut-at-cursor --current-process)[2..]
    set -l typed (commandline --current-token --cut-at-cursor)
    # Nothing that is typed is run: quotes and backslashes are taken away.
    set typed (string replace --all --regex '[\\\\"\']' '' -- $typed)
    set -l answer (kubectl_complete-envguard $before "$typed" 2>/dev/null)
    set -l directive (string match --regex --groups-only '^:(\d+)$' -- $answer[-1])
    or return
    # Files of some kinds only (8, 16), or where there is nothing else and nobody
    # forbids it (4).
    if test (math "bitand($directive, 24)") -ne 0
        or test (count $answer) -eq 1 -a (math "bitand($directive, 4)") -eq 0
        __fish_complete_path (string replace --regex '^-[^=]*=' '' -- "$typed")
        return
    end
    # Of --flag=value the answer has only the value.
    set -l prefix (string match --regex '^-[^=]*=' -- "$typed")
    for line in $answer[1..-2]
        printf '%s\n' "$prefix$line"
    end
end

complete --command kubectl-envguard --no-files --arguments '(__kubectl_envguard_complete)'

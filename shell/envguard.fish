# envguard's hook for fish: the shim first on PATH, the pinned kubeconfig, the
# banner once, and the prompt segment. `kubectl-envguard hook fish` prints it
# behind the variables __envguard_* that it works with.
#
# Nothing here starts a process at a prompt unless something has changed.

# --- the environment of every command ---------------------------------------

if builtin test -n "$__envguard_shims"
    set -l __envguard_rest
    for __envguard_dir in $PATH
        if builtin test "$__envguard_dir" != "$__envguard_shims"
            set -a __envguard_rest $__envguard_dir
        end
    end
    set -gx PATH $__envguard_shims $__envguard_rest
end
if builtin test -n "$__envguard_kubeconfig"
    set -gx KUBECONFIG $__envguard_kubeconfig
    set -gx KUBERC off
end

# --- the prompt ---------------------------------------------------------------

# True while everything is as it was when the segment was judged.
function __envguard_unchanged
    builtin test "$__envguard_for" = "$KUBECONFIG|$ENVGUARD_CONFIG"; or return 1
    set -l i 0
    for file in $__envguard_files
        set i (math $i + 1)
        set -l text
        if builtin test -f "$file" -a -r "$file"
            read -z text <"$file"
        end
        builtin test "$text" = "$__envguard_texts[$i]"; or return 1
    end
    for file in $__envguard_notices
        if builtin test -s "$file"
            return 1
        end
    end
    return 0
end

# True if the kubectl that a command would start is the shim.
function __envguard_guarded
    for dir in $PATH
        if builtin test -x "$dir/kubectl" -a -f "$dir/kubectl"
            builtin test "$dir" = "$__envguard_shims"
            return
        end
    end
    return 1
end

# Asks the program to judge again, and says what there is to say once.
function __envguard_judge
    set -g __envguard_say
    if set -l answer ("$__envguard_program" hook fish --state "$__envguard_protocol" 2>/dev/null | string collect)
        eval $answer
        set -g __envguard_for "$KUBECONFIG|$ENVGUARD_CONFIG"
    else if not builtin test -x "$__envguard_program"
        set -g __envguard_say "envguard: $__envguard_program is missing: this shell is not guarded; install envguard again"
        set -g __envguard_mute 1
    else
        # Some passing trouble (no memory, no processes left): the next prompt asks again.
        set -g __envguard_for
    end
    for word in $__envguard_say
        builtin printf '%s\n' $word >&2
    end
end

# Runs before the prompt, whoever defines that. The segment itself stands in
# fish_mode_prompt, which fish shows before the prompt: so the prompt's own
# function, and the status that it shows, stay untouched.
function __envguard_prompt --on-event fish_prompt
    # Not earlier: while fish reads the hook, standard input is the pipe it comes by.
    if builtin test -z "$ENVGUARD_BANNER" -a -t 0 -a -t 1 -a -t 2
        set -gx ENVGUARD_BANNER shown
        "$__envguard_program" banner
    end
    if builtin test -z "$__envguard_mute"; and not __envguard_unchanged
        __envguard_judge
    end
    set -l segment $__envguard_head
    __envguard_guarded; or set segment "$segment$__envguard_unguarded"
    if builtin test -n "$ENVGUARD_NAMESPACE"
        if string match -qr '^[a-z0-9-]+$' -- "$ENVGUARD_NAMESPACE"
            set segment "$segment ns=$ENVGUARD_NAMESPACE"
        else
            set segment "$segment ns=?"
        end
    end
    set -g __envguard_segment "$segment$__envguard_tail"
    __envguard_show
end

# Puts the segment before what fish_mode_prompt shows, once, and again when
# somebody has replaced or erased it.
function __envguard_show
    if functions -q fish_mode_prompt
        if functions fish_mode_prompt | string match -q '*__envguard_segment*'
            return
        end
        functions -e __envguard_mode_prompt
        functions -c fish_mode_prompt __envguard_mode_prompt
    else
        function __envguard_mode_prompt
        end
    end
    function fish_mode_prompt
        builtin printf '%s' $__envguard_segment
        __envguard_mode_prompt
    end
end

# --- interactive shells ---------------------------------------------------------

if status is-interactive
    set -g __envguard_for "$KUBECONFIG|$ENVGUARD_CONFIG"
    set -g __envguard_mute
else
    functions -e __envguard_prompt
end

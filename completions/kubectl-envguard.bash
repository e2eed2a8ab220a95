# shellcheck shell=bash
# Completion of kubectl-envguard in bash; kubectl's own completion asks for
# `kubectl envguard`. Printed by `kubectl-envguard completion bash`.

_kubectl_envguard() {
    local i line word answer directive words=() typed='' glued=''
    # bash cuts words at `=` and `:`. What stands in the line without a space between
    # belongs together.
    line=${COMP_LINE:0:COMP_POINT}
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $line == [[:space:]]* || $i == 0 ]]; then
            words+=("$word")
        else
            words[${#words[@]} - 1]+=$word
        fi
        line=${line#"${line%%[![:space:]]*}"}
        line=${line#"$word"}
    done
    # Nothing that is typed is run: quotes and backslashes are taken away as they stand.
    for i in "${!words[@]}"; do
        words[i]=${words[i]//[\\\"\']/}
    done
    typed=${words[${#words[@]} - 1]}
    answer=$(kubectl_complete-envguard "${words[@]:1}" 2>/dev/null) || return
    directive=${answer##*:}
    [[ $directive =~ ^[0-9]+$ ]] || return
    ((directive & 1)) && return
    answer=${answer%:*}
    if ((directive & 2)); then compopt -o nospace; fi
    COMPREPLY=()
    # Files, as bash completes them; of some kinds only (8, 16), or where there is
    # nothing else and nobody forbids it (4).
    if ((directive & 24)) || [[ -z $answer ]] && ((!(directive & 4))); then
        compopt -o default
        return
    fi
    # The shell wants what stands behind its last cut; of `--flag=value` the answer has
    # only the value.
    if [[ $typed == -*=* ]]; then
        typed=${typed#*=}
    fi
    if [[ $COMP_WORDBREAKS == *:* ]]; then
        glued=${typed%"${typed##*:}"}
    fi
    while IFS= read -r word; do
        word=${word%%$'\t'*}
        [[ -n $word && $word == "$typed"* ]] || continue
        printf -v word %q "$word"
        COMPREPLY+=("${word#"$glued"}")
    done <<<"$answer"
}

complete -F _kubectl_envguard kubectl-envguard

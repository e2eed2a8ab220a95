# envguard's hook for zsh: the shim first on PATH, the pinned kubeconfig, the
# banner once, and the prompt segment. `kubectl-envguard hook zsh` prints it
# behind the variables __envguard_* that it works with.
#
# Nothing here starts a process at a prompt unless something has changed.

# --- the environment of every command ---------------------------------------

__envguard_put_first() {
    \builtin emulate -L zsh
    [[ -n $1 ]] && path=("$1" "${(@)path:#$1}")
    \builtin return 0
}
__envguard_put_first "$__envguard_shims"
\builtin export PATH
if [[ -n $__envguard_kubeconfig ]]; then
    \builtin export KUBECONFIG=$__envguard_kubeconfig KUBERC=off
fi

# --- the prompt ---------------------------------------------------------------

# True while everything is as it was when the segment was judged. Old files are
# told by their times; young ones, whose times may not have advanced since, and all
# files where there is no place for stamps, are told by their text.
__envguard_unchanged() {
    \builtin local i text
    [[ $__envguard_for == "${KUBECONFIG-}|${ENVGUARD_CONFIG-}" ]] || \builtin return 1
    for ((i = 1; i <= $#__envguard_dated; i++)); do
        [[ ! -e $__envguard_dated[i] || $__envguard_dated[i] -nt $__envguard_stamps[i] ||
            $__envguard_dated[i] -ot $__envguard_stamps[i] ]] && \builtin return 1
    done
    for ((i = 1; i <= $#__envguard_files; i++)); do
        text=
        if [[ -f $__envguard_files[i] && -r $__envguard_files[i] ]]; then
            text=$(<"$__envguard_files[i]") # zsh reads the file itself
        fi
        [[ $text == "$__envguard_texts[i]" ]] || \builtin return 1
    done
    for ((i = 1; i <= $#__envguard_notices; i++)); do
        [[ -s $__envguard_notices[i] ]] && \builtin return 1
    done
    \builtin return 0
}

# True if the kubectl that a command would start is the shim.
__envguard_guarded() {
    \builtin local dir
    for dir in "${(@)path}"; do
        [[ -x ${dir:-.}/kubectl && -f ${dir:-.}/kubectl ]] || \builtin continue
        [[ -n $__envguard_shims && ${dir:-.}/kubectl -ef $__envguard_shims/kubectl ]]
        \builtin return
    done
    \builtin return 1
}

# Asks the program to judge again, and says what there is to say once.
__envguard_judge() {
    \builtin local answer word
    __envguard_say=()
    if answer=$("$__envguard_program" hook zsh --state "$__envguard_protocol" 2>/dev/null); then
        \builtin eval "$answer"
        __envguard_for="${KUBECONFIG-}|${ENVGUARD_CONFIG-}"
    elif [[ ! -x $__envguard_program ]]; then
        __envguard_say=("envguard: $__envguard_program is missing: this shell is not guarded; install envguard again")
        __envguard_mute=1
    else
        # Some passing trouble (no memory, no processes left): the next prompt asks again.
        __envguard_for=
    fi
    for word in "${(@)__envguard_say}"; do
        \builtin print -r -u 2 -- "$word"
    done
    \builtin return 0
}

# After what another program puts into PROMPT, the segment must be put in last.
__envguard_go_last() {
    \builtin emulate -L zsh
    \builtin typeset -ga precmd_functions
    precmd_functions=("${(@)precmd_functions:#__envguard_prompt}" __envguard_prompt)
}

# To assign to what is readonly would end the whole hook.
__envguard_can_assign() {
    \builtin emulate -L zsh
    if [[ ${(t)PROMPT} == *readonly* ]]; then
        \builtin print -r -u 2 -- 'envguard: PROMPT is readonly: this prompt does not show the environment'
    elif [[ ${(t)precmd_functions} == *readonly* ]]; then
        PROMPT=$__envguard_head$__envguard_tail${PROMPT//"$__envguard_head$__envguard_tail"/}
        \builtin print -r -u 2 -- 'envguard: precmd_functions is readonly: this prompt does not notice changes'
    else
        \builtin return 0
    fi
    \builtin return 1
}

# Judges, if anything has changed, and puts the segment into PROMPT.
__envguard_update() {
    # Without this option %{ and %} are shown, and escapes counted as letters.
    \builtin local plain=
    [[ -o promptpercent ]] || plain=1
    \builtin emulate -L zsh
    # A trace would show the kubeconfig.
    \builtin setopt no_xtrace no_warn_create_global no_err_exit no_err_return extended_glob
    \builtin local segment lead= calm=1
    if [[ -z $__envguard_mute ]] && ! __envguard_unchanged; then
        __envguard_judge
    fi
    segment=$__envguard_head
    if ! __envguard_guarded; then
        calm=
        segment+=$__envguard_unguarded
    fi
    if [[ -n ${ENVGUARD_NAMESPACE-} ]]; then
        case $ENVGUARD_NAMESPACE in
            *[^a-z0-9-]*) segment+=' ns=?' ;;
            *) segment+=" ns=$ENVGUARD_NAMESPACE" ;;
        esac
    fi
    segment+=$__envguard_tail
    if [[ -n $plain ]]; then
        segment=${segment//\%\{[^%]#\%\}/}
    fi
    if [[ -n $__envguard_shown && $PROMPT != *"$__envguard_shown"* ||
        $precmd_functions[-1] != __envguard_prompt ]]; then
        __envguard_go_last
    fi
    if [[ $segment != "$__envguard_shown" || $PROMPT != *"$segment"* ]]; then
        [[ -z $__envguard_shown ]] || PROMPT=${PROMPT//"$__envguard_shown"/}
        while [[ $PROMPT == $'\n'* ]]; do
            lead+=$'\n'
            PROMPT=${PROMPT#$'\n'}
        done
        PROMPT=$lead$segment$PROMPT
        __envguard_shown=$segment
    fi
    __envguard_calm=${calm:+"$__envguard_for|${ENVGUARD_NAMESPACE-}"}
    \builtin return 0
}

# Most of the time there is nothing to do, and one test finds that out: the program
# has put what it depends on into __envguard_same.
__envguard_prompt() {
    if [[ $__envguard_calm != "${KUBECONFIG-}|${ENVGUARD_CONFIG-}|${ENVGUARD_NAMESPACE-}" ||
        ${PROMPT-} != *"$__envguard_shown"* || $PATH != "$__envguard_shims:"* || ! -x $__envguard_shims/kubectl ]] ||
        ! __envguard_same; then
        __envguard_update
    fi
    \builtin return 0
}

# --- interactive shells ---------------------------------------------------------

if [[ -o interactive ]]; then
    __envguard_for="${KUBECONFIG-}|${ENVGUARD_CONFIG-}"
    __envguard_mute=
    __envguard_shown=${__envguard_shown-}
    __envguard_calm=
    if __envguard_can_assign; then
        __envguard_go_last
    fi
    if [[ -z ${ENVGUARD_BANNER-} && -t 0 && -t 1 && -t 2 ]]; then
        \builtin export ENVGUARD_BANNER=shown
        "$__envguard_program" banner || \builtin :
    fi
fi

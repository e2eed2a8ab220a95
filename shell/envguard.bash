# shellcheck shell=bash
# shellcheck disable=SC2154 # the variables stand before this script
# shellcheck disable=SC2030,SC2031 # subshells only try whether PS1 can be assigned to
# envguard's hook for bash: the shim first on PATH, the pinned kubeconfig, the
# banner once, and the prompt segment. `kubectl-envguard hook bash` prints it
# behind the variables __envguard_* that it works with.
#
# Nothing here starts a process at a prompt unless something has changed. Every
# builtin is called as such, because an operator may have aliases and functions of
# the same name; nothing depends on IFS, on -e, -u, -f or -C, or on shopt.

# --- the environment of every command ---------------------------------------

# The shim's directory first, and only there.
__envguard_put_first() {
    \builtin local rest="${PATH-}:" dir path="$1"
    [[ -n $1 && $rest != "$1:"* ]] || \builtin return 0
    [[ $rest != : ]] || rest=
    while [[ -n $rest ]]; do
        dir=${rest%%:*}
        rest=${rest#*:}
        [[ $dir == "$1" ]] || path+=:$dir
    done
    PATH=$path
}
__envguard_put_first "$__envguard_shims"
\builtin export PATH
if [[ -n $__envguard_kubeconfig ]]; then
    KUBECONFIG=$__envguard_kubeconfig
    KUBERC=off
    # shellcheck disable=SC2034 # for kubectl
    \builtin export KUBECONFIG KUBERC
fi

# --- the prompt ---------------------------------------------------------------

# True while everything is as it was when the segment was judged. Old files are
# told by their times; young ones, whose times may not have advanced since, and
# all files where there is no place for stamps, are told by their text.
__envguard_unchanged() {
    \builtin local i text
    [[ $__envguard_for == "${KUBECONFIG-}|${ENVGUARD_CONFIG-}" ]] || \builtin return 1
    for ((i = 0; i < __envguard_timed; i++)); do
        [[ ${__envguard_dated[i]} -nt ${__envguard_stamps[i]} ||
            ${__envguard_dated[i]} -ot ${__envguard_stamps[i]} ]] && \builtin return 1
    done
    for ((i = 0; i < __envguard_read; i++)); do
        text=
        if [[ -f ${__envguard_files[i]} && -r ${__envguard_files[i]} ]]; then
            if ((__envguard_maps)); then
                \builtin mapfile -d '' text <"${__envguard_files[i]}"
            else
                IFS='' \builtin read -r -d '' text <"${__envguard_files[i]}" || \builtin :
            fi
        fi
        \builtin test "$text" = "${__envguard_texts[i]}" || \builtin return 1
    done
    for ((i = 0; i < __envguard_letterboxes; i++)); do
        [[ -s ${__envguard_notices[i]} ]] && \builtin return 1
    done
    \builtin return 0
}

# True if the kubectl that a command would start is the shim.
__envguard_guarded() {
    \builtin local rest="${PATH-}:" dir
    while [[ -n $rest ]]; do
        dir=${rest%%:*}
        rest=${rest#*:}
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
    if answer=$("$__envguard_program" hook bash --state "$__envguard_protocol" 2>/dev/null); then
        \builtin eval "$answer"
        __envguard_for="${KUBECONFIG-}|${ENVGUARD_CONFIG-}"
    elif [[ ! -x $__envguard_program ]]; then
        __envguard_say=("envguard: $__envguard_program is missing: this shell is not guarded; install envguard again")
        __envguard_mute=1
    else
        # Some passing trouble (no memory, no processes left): the next prompt asks again.
        __envguard_for=
    fi
    for word in "${__envguard_say[@]+"${__envguard_say[@]}"}"; do
        \builtin printf '%s\n' "$word" >&2
    done
    \builtin return 0
}

# True where PROMPT_COMMAND is an array whose elements bash runs one by one.
__envguard_has_list() {
    ((__envguard_arrays)) && [[ -n ${PROMPT_COMMAND[*]+set} && ${PROMPT_COMMAND[*]@a} == *a* ]]
}

# True if nothing that a prompt runs comes after the hook.
__envguard_is_last() {
    \builtin local name last=
    if [[ -n ${__bp_imported-}${bash_preexec_imported-} ]]; then
        # Names without a function may stand there: bash-preexec adds one itself.
        for name in "${precmd_functions[@]+"${precmd_functions[@]}"}"; do
            ! \builtin declare -F "$name" >/dev/null || last=$name
        done
        [[ $last == __envguard_prompt ]]
    elif __envguard_has_list; then
        [[ ${PROMPT_COMMAND[*]: -1} == "$__envguard_entry" ]]
    else
        [[ ${PROMPT_COMMAND-} == *"$__envguard_entry" ]]
    fi
}

# Takes the hook's entry out of the commands $1, which must stay valid: the answer is
# in __envguard_rest. Nothing is put in its place that would change the status.
__envguard_without_entry() {
    __envguard_rest=${1//"$__envguard_entry"[;$'\n']/}
    __envguard_rest=${__envguard_rest//"$__envguard_entry"/:}
}

# After what another program puts into PS1, the segment must be put in last.
__envguard_go_last() {
    \builtin local i commands list mark __envguard_rest place=last
    if __envguard_has_list; then
        commands=("${PROMPT_COMMAND[@]}")
    else
        commands=("${PROMPT_COMMAND-}")
    fi
    list=()
    if [[ -n ${__bp_imported-}${bash_preexec_imported-} ]]; then
        place=before
        for i in "${precmd_functions[@]+"${precmd_functions[@]}"}"; do
            [[ $i == __envguard_prompt ]] || list+=("$i")
        done
        precmd_functions=("${list[@]+"${list[@]}"}" __envguard_prompt)
        list=()
    fi
    for i in "${commands[@]}"; do
        [[ -n $i && $i != "$__envguard_entry" ]] || \builtin continue
        __envguard_without_entry "$i"
        if [[ $place == before ]]; then
            # Others may stand behind what calls precmd_functions; but the last command
            # must be bash-preexec's own.
            for mark in "${__bp_install_string-}" __bp_interactive_mode; do
                [[ -n $mark && $__envguard_rest == *"$mark" ]] || \builtin continue
                __envguard_rest=${__envguard_rest%"$mark"}$__envguard_entry$'\n'$mark
                place=taken
                \builtin break
            done
        fi
        list+=("$__envguard_rest")
    done
    [[ $place == taken ]] || list+=("$__envguard_entry")
    if __envguard_has_list; then
        PROMPT_COMMAND=("${list[@]}")
    else
        # shellcheck disable=SC2178 # here it is no array
        \builtin printf -v PROMPT_COMMAND '%s\n' "${list[@]}"
        PROMPT_COMMAND=${PROMPT_COMMAND%$'\n'}
    fi
}

# Judges, if anything has changed, and puts the segment into PS1.
__envguard_update() {
    \builtin local trace='' segment lead='' calm=1
    # A trace would show the kubeconfig.
    [[ $- != *x* ]] || { trace=1; \builtin set +x; } 2>/dev/null
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
            *[!a-z0-9-]*) segment+=' ns=?' ;;
            *) segment+=" ns=$ENVGUARD_NAMESPACE" ;;
        esac
    fi
    segment+=$__envguard_tail
    if [[ -n $__envguard_shown ]]; then
        [[ ${PS1-} == *"$__envguard_shown"* ]] || __envguard_go_last
    elif ! __envguard_is_last; then
        # What runs behind us now may write PS1 after us, this one time. A function
        # that calls us does (starship took our place); but bash-preexec, as long as it
        # is about to install itself, will call us once more.
        __envguard_go_last
        [[ -z ${FUNCNAME[2]-} || ${PROMPT_COMMAND[*]-} == *"${__bp_install_string:-no such}"* ]] ||
            \builtin printf '%s\n' "${segment//\\[\[\]]/}" >&2
    fi
    if [[ $segment != "$__envguard_shown" || ${PS1-} != *"$segment"* ]]; then
        PS1=${PS1-}
        [[ -z $__envguard_shown ]] || PS1=${PS1//"$__envguard_shown"/}
        while [[ $PS1 == '\n'* || $PS1 == $'\n'* ]]; do
            if [[ $PS1 == '\n'* ]]; then lead+='\n' PS1=${PS1#'\n'}; else lead+=$'\n' PS1=${PS1#$'\n'}; fi
        done
        PS1=$lead$segment$PS1
        __envguard_shown=$segment
    fi
    __envguard_calm=${calm:+"$__envguard_for|${ENVGUARD_NAMESPACE-}"}
    [[ -z $trace ]] || \builtin set -x
    \builtin return 0
}

# Most of the time there is nothing to do, and one test finds that out: the program
# has put what it depends on into __envguard_same.
__envguard_prompt() {
    \builtin local status="$?"
    # Should envguard be uninstalled before the next command, bash must not look for the
    # shim where it was.
    [[ -z ${BASH_CMDS[kubectl]-} ]] || \builtin hash -d kubectl
    if [[ $__envguard_calm != "${KUBECONFIG-}|${ENVGUARD_CONFIG-}|${ENVGUARD_NAMESPACE-}" ||
        ${PS1-} != *"$__envguard_shown"* || ${PATH-} != "$__envguard_shims:"* || ! -x $__envguard_shims/kubectl ]] ||
        ! __envguard_same; then
        __envguard_update
    fi
    # Whoever runs behind us may ask for the status of the command. Otherwise bash
    # restores it itself, and a status of ours would fire the user's ERR trap.
    [[ $status != 0 && $- != *e* && "${PROMPT_COMMAND[*]-}" != *"$__envguard_entry" ]] || \builtin return 0
    \builtin return "$status"
}

# --- interactive shells ---------------------------------------------------------

if [[ $- == *i* ]]; then
    # An exported PROMPT_COMMAND reaches shells that have no hook: there this is
    # nothing, where a function's name would be an error at every prompt.
    __envguard_hook=__envguard_prompt
    # shellcheck disable=SC2016 # expanded at the prompt
    __envguard_entry='"${__envguard_hook-:}"'
    __envguard_for="${KUBECONFIG-}|${ENVGUARD_CONFIG-}"
    __envguard_mute=
    # mapfile -d came with bash 4.4 and is twice as fast as read.
    __envguard_maps=$((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 404))
    # Since bash 5.1 PROMPT_COMMAND may be an array.
    __envguard_arrays=$((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 501))
    __envguard_shown=${__envguard_shown-}
    __envguard_calm=
    # To assign to what is readonly would end the whole hook.
    if (PS1=${PS1-} PROMPT_COMMAND=${PROMPT_COMMAND-}) 2>/dev/null; then
        __envguard_go_last
    elif (PS1=${PS1-}) 2>/dev/null; then
        [[ ${PS1-} == *"$__envguard_head"* ]] || PS1=$__envguard_head$__envguard_tail${PS1-}
        \builtin printf '%s\n' 'envguard: PROMPT_COMMAND is readonly: this prompt does not notice changes' >&2
    else
        \builtin printf '%s\n' 'envguard: PS1 is readonly: this prompt does not show the environment' >&2
    fi
    if [[ -z ${ENVGUARD_BANNER-} && -t 0 && -t 1 && -t 2 ]]; then
        \builtin export ENVGUARD_BANNER=shown
        "$__envguard_program" banner || \builtin :
    fi
fi

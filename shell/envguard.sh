# shellcheck shell=sh
# shellcheck disable=SC2154 # the variables stand before this script
# envguard's hook for POSIX shells other than bash, zsh and fish: the shim first on
# PATH, the pinned kubeconfig, the banner once, and the name of the environment in
# the prompt. `kubectl-envguard hook sh` prints it behind the variables
# __envguard_* that it works with.
#
# Such a shell cannot run anything before a prompt without starting a process, so
# its prompt does not notice changes: `exec bash -l` for a prompt that does.

case "$PATH:" in
    "$__envguard_shims:"*) ;;
    *) [ -z "$__envguard_shims" ] || PATH=$__envguard_shims:$PATH ;;
esac
export PATH
if [ -n "$__envguard_kubeconfig" ]; then
    KUBECONFIG=$__envguard_kubeconfig
    KUBERC=off
    export KUBECONFIG KUBERC
fi

case $- in
    *i*)
        case ${PS1-} in
            *"$__envguard_head"*) ;;
            *)
                # shellcheck disable=SC2016 # expanded at the prompt
                PS1=$__envguard_head'${ENVGUARD_NAMESPACE:+ ns=${ENVGUARD_NAMESPACE##*[!a-z0-9-]*}}'$__envguard_tail${PS1-}
                ;;
        esac
        if [ -z "${ENVGUARD_BANNER-}" ] && [ -t 0 ] && [ -t 1 ] && [ -t 2 ]; then
            ENVGUARD_BANNER=shown
            export ENVGUARD_BANNER
            "$__envguard_program" banner || :
        fi
        ;;
esac

# shellcheck shell=sh
# For /etc/profile.d: starts envguard's hook in whichever shell reads it. Login
# shells read this directory everywhere; Amazon Linux and Fedora read it in
# interactive shells that are no login shells, too (/etc/bashrc). Elsewhere one line
# in /etc/bash.bashrc, /etc/zsh/zshrc or /etc/zshrc does the same:
#
#   . /etc/profile.d/zz-envguard.sh
#
# fish has a place of its own: /etc/fish/conf.d/envguard.fish with
#
#   kubectl-envguard hook fish | source

if [ -x "${ENVGUARD_PROGRAM:=/usr/bin/kubectl-envguard}" ]; then
    if [ -n "${ZSH_VERSION-}" ]; then
        # zsh reads this directory as if it were sh.
        # shellcheck disable=SC2016 # expanded by the inner shell
        emulate zsh -c 'eval "$("$ENVGUARD_PROGRAM" hook zsh)"' || :
    elif [ -n "${BASH_VERSION-}" ]; then
        eval "$("$ENVGUARD_PROGRAM" hook bash)" || :
    else
        eval "$("$ENVGUARD_PROGRAM" hook sh)" || :
    fi
elif [ -e "${ENVGUARD_PROGRAM%/bin/*}/lib/envguard" ]; then
    # Its other parts are here. Without them it was removed, and this file was kept.
    case $- in
        *i*) echo "envguard: $ENVGUARD_PROGRAM is missing: this shell is not guarded; install envguard again" >&2 ;;
    esac
fi
unset ENVGUARD_PROGRAM

# shellcheck shell=sh
# The file that ENV names for the shell of a Session Manager session. The agent
# starts `sh`, which is no login shell and reads nothing but $ENV, and that only
# when it is interactive: Run Command and interactive-command documents never come
# here. systemd/amazon-ssm-agent.conf sets ENV for the agent.
#
# With ENVGUARD_LOGIN_SHELL=bash (a name or a path) the session is taken over into
# that shell, started as a login shell in the home directory.

# Every process of the session would inherit it.
unset ENV

case $- in
    *i*)
        __envguard_take_over=$(command -v "${ENVGUARD_LOGIN_SHELL:-:}") || __envguard_take_over=
        unset ENVGUARD_LOGIN_SHELL
        case $__envguard_take_over in
            /*)
                # An exec that fails would end some shells: look first.
                if [ -x "$__envguard_take_over" ] && "$__envguard_take_over" -c : 2>/dev/null; then
                    [ ! -d "${HOME-}" ] || cd "$HOME" || :
                    exec "$__envguard_take_over" -l
                fi
                ;;
        esac
        unset __envguard_take_over
        # shellcheck disable=SC1090 # that file is checked on its own
        . "${ENVGUARD_PROFILE:-/etc/profile.d/zz-envguard.sh}"
        ;;
esac

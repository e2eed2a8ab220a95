#!/bin/sh
# Wakes the kubectl instance of an environment, waits for it, and opens a session there.
#
#   deploy/connect.sh [--instance ID] [--wake-only] ENVIRONMENT
#
# Needs the AWS CLI with the rights of deploy/session.yaml, and its session-manager-plugin.
#   AWS_PROFILE, AWS_REGION   as everywhere

set -eu

# So often, so many seconds apart, until Session Manager knows the instance.
tries=60
pause=${CONNECT_PAUSE:-5}

# shellcheck source=deploy/find-instance.sh
. "$(dirname "$0")/find-instance.sh"

usage() {
    sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
    exit 64
}

wake() {
    if [ "$state" = stopping ]; then
        say "$instance is just stopping; waiting until it has ..."
        aws ec2 wait instance-stopped --instance-ids "$instance" || die "it does not stop"
        state=stopped
    fi
    if [ "$state" = stopped ]; then
        say "Starting $instance ..."
        aws ec2 start-instances --instance-ids "$instance" >/dev/null ||
            die "it cannot be started" "is this your environment, and did you sign in with MFA?"
    fi
    [ "$state" = running ] || aws ec2 wait instance-running --instance-ids "$instance" || die "it does not start"
}

wait_for_agent() {
    tried=0
    while :; do
        # What is not answered is not the agent's fault.
        status=$(aws ssm get-connection-status --target "$instance" --query Status --output text) ||
            die "it cannot be asked whether $instance is ready" "sign in again, then the same command"
        [ "$status" != connected ] || return 0
        [ "$tried" -gt 0 ] || say "Waiting for Session Manager ..."
        tried=$((tried + 1))
        [ "$tried" -lt "$tries" ] || die "the agent of $instance does not come up" \
            "an administrator sees why: aws ec2 get-console-output --instance-id $instance --latest --output text"
        sleep "$pause"
    done
}

main() {
    wanted='' wake_only=''
    while [ $# -gt 0 ]; do
        case $1 in
            --instance)
                [ $# -ge 2 ] || usage
                wanted=$2
                shift
                ;;
            --wake-only) wake_only=yes ;;
            -*) usage ;;
            *) break ;;
        esac
        shift
    done
    [ $# = 1 ] || usage
    need_aws
    [ -n "$wake_only" ] || command -v session-manager-plugin >/dev/null 2>&1 ||
        die "the session-manager-plugin of the AWS CLI is not installed" \
            "https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html"
    find_instance "$1" "$wanted"
    wake
    wait_for_agent
    if [ -n "$wake_only" ]; then
        say "$instance is awake: $environment, cluster $cluster."
        return
    fi
    say "Connecting to $instance: $environment, cluster $cluster."
    if [ -n "$document" ]; then
        exec aws ssm start-session --target "$instance" --document-name "$document"
    fi
    exec aws ssm start-session --target "$instance"
}

main "$@"

#!/bin/sh
# Keeps the kubectl instance of an environment running over the nightly stop (deploy/nightly-stop.yaml,
# considerate form), or says until when it is kept.
#
#   deploy/hold.sh [--instance ID] ENVIRONMENT 2h     for two hours from now; 30m; at most 12h
#   deploy/hold.sh [--instance ID] ENVIRONMENT none   no longer
#   deploy/hold.sh [--instance ID] ENVIRONMENT        until when?

set -eu

# shellcheck source=deploy/find-instance.sh
. "$(dirname "$0")/find-instance.sh"

usage() {
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 64
}

# 2h -> 120
minutes_of() {
    number=${1%[hm]}
    case $number in '' | *[!0-9]* | ?????*) die "'$1' is no time" "2h or 90m" ;; esac
    # No octal numbers.
    number=$(printf '%s' "$number" | sed 's/^0*//')
    case $1 in
        *h) minutes=$((${number:-0} * 60)) ;;
        *m) minutes=${number:-0} ;;
        *) die "'$1' is no time" "2h or 90m" ;;
    esac
    [ "$minutes" -ge 1 ] || die "$1 is no time" "2h or 90m"
    [ "$minutes" -le 720 ] || die "$1 is more than 12h" "hold it again tomorrow"
}

# In so many minutes, as UTC; GNU's date, then that of BSD and macOS.
in_minutes() {
    date -u -d "+$1 minutes" +%Y-%m-%dT%H:%M:%SZ 2>/dev/null || date -u -v "+$1M" +%Y-%m-%dT%H:%M:%SZ
}

tag() {
    aws ec2 create-tags --resources "$instance" --tags "Key=envguard:hold-until,Value=$1" ||
        die "the hold cannot be written" "is this your environment?"
}

main() {
    wanted=
    if [ "${1-}" = --instance ] && [ $# -ge 2 ]; then
        wanted=$2
        shift 2
    fi
    case $#:${1-} in
        1:-* | 2:-*) usage ;;
        1:* | 2:*) ;;
        *) usage ;;
    esac
    case ${2-} in '' | none) ;; *) minutes_of "$2" ;; esac
    need_aws
    find_instance "$1" "$wanted"
    case ${2-} in
        '')
            # shellcheck disable=SC2016 # the backquotes are JMESPath's
            until=$(aws ec2 describe-instances --instance-ids "$instance" --output text \
                --query 'Reservations[].Instances[].[Tags[?Key==`envguard:hold-until`] | [0].Value]')
            say "$instance ($environment): held until ${until:-None} (now $(in_minutes 0))"
            ;;
        none)
            tag none
            say "$instance ($environment) stops tonight."
            ;;
        *)
            until=$(in_minutes "$minutes")
            tag "$until"
            say "$instance ($environment) is kept until $until (now $(in_minutes 0))."
            say "What would stop it before then leaves it alone; afterwards it runs until the next time in the schedule."
            [ "$state" = running ] || say "It is $state now; a hold does not start it: deploy/connect.sh $1"
            ;;
    esac
}

main "$@"

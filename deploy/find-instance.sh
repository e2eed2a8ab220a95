# shellcheck shell=sh
# Finds the kubectl instance of an environment; read by connect.sh and hold.sh.
#
#   find_instance ENVIRONMENT [INSTANCE-ID]
# sets instance, state, cluster and document; or says what is wrong and ends with 1.

say() { printf '%s\n' "$*" >&2; }

die() {
    say "${0##*/}: $1"
    [ -z "${2-}" ] || say "  instead   $2"
    exit 1
}

need_aws() {
    command -v aws >/dev/null 2>&1 || die "the AWS CLI is not installed" \
        "https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html"
}

# One line per instance: id, state, environment, cluster, session document; None for a tag that is not there.
list_instances() {
    # shellcheck disable=SC2016 # the backquotes are JMESPath's
    aws ec2 describe-instances --output text \
        --filters "Name=tag:envguard:environment,Values=$1" \
        'Name=instance-state-name,Values=pending,running,stopping,stopped' \
        --query 'Reservations[].Instances[].[InstanceId, State.Name,
            Tags[?Key==`envguard:environment`] | [0].Value, Tags[?Key==`envguard:cluster`] | [0].Value,
            Tags[?Key==`envguard:session-document`] | [0].Value]'
}

find_instance() {
    # The filter knows wildcards: `*` would find whatever there is. The others are the AWS CLI's own.
    case $1 in '' | *[]*?,\'\"\\[{}=]*) die "'$1' is no environment" "${0##*/} develop" ;; esac
    found=$(list_instances "$1") || die "the instances cannot be listed" "aws sts get-caller-identity"
    [ -z "${2-}" ] || found=$(printf '%s\n' "$found" | wanted=$2 awk -F '\t' '$1 == ENVIRON["wanted"]')
    case $(printf '%s\n' "$found" | grep -c .) in
        1) ;;
        0)
            known=$(list_instances '*' | cut -f 3 | sort -u | tr '\n' ' ')
            die "there is no kubectl instance ${2:+$2 }for '$1' in this account and region" \
                "one of: ${known:-(none here; another region or profile?) }"
            ;;
        *)
            say "$found"
            die "there are several instances for '$1'" "${0##*/} --instance ID $1"
            ;;
    esac
    tab=$(printf '\t')
    # shellcheck disable=SC2034 # for those who read this file
    IFS=$tab read -r instance state environment cluster document <<END
$found
END
    # shellcheck disable=SC2034
    case ${document:-None} in None | -) document= ;; esac
}

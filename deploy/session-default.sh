#!/bin/sh
# Gives the account's default session document what a document of session.yaml has, because sessions from the
# console use the default: logs, time limits, run-as, the profile line. It counts for every instance of the
# account in this region, not only for kubectl instances.
#
#   deploy/session-default.sh DOCUMENT          show what would change
#   deploy/session-default.sh DOCUMENT --yes    change it
#
# DOCUMENT is the output DocumentName of the stack.

set -eu

default=SSM-SessionManagerRunShell

die() {
    printf 'session-default.sh: %s\n' "$1" >&2
    [ -z "${2-}" ] || printf '  instead   %s\n' "$2" >&2
    exit 1
}

content() {
    aws ssm get-document --name "$1" --document-format JSON --query Content --output text
}

main() {
    case $#:${2-} in
        1: | 2:--yes) ;;
        *)
            sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
            exit 64
            ;;
    esac
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    content "$1" >"$scratch/wanted" || die "there is no document $1 here" "aws cloudformation describe-stacks"
    if content "$default" >"$scratch/present" 2>/dev/null; then
        cmp -s "$scratch/wanted" "$scratch/present" && {
            echo "$default is as $1: nothing to do"
            return
        }
        set -- "$1" "${2-}" update-document --document-version "\$LATEST"
    else
        : >"$scratch/present"
        set -- "$1" "${2-}" create-document --document-type Session
    fi
    diff -u "$scratch/present" "$scratch/wanted" || :
    [ "$2" = --yes ] || {
        echo "Nothing was changed; to change it: deploy/session-default.sh $1 --yes"
        return
    }
    shift 2
    aws ssm "$@" --name "$default" --content "file://$scratch/wanted" --document-format JSON >/dev/null
    # An update makes a version; the default version is the one that is used.
    if [ "$1" = update-document ]; then
        version=$(aws ssm describe-document --name "$default" --document-version "\$LATEST" \
            --query Document.DocumentVersion --output text)
        aws ssm update-document-default-version --name "$default" --document-version "$version" >/dev/null
    fi
    echo "$default is changed; back: aws ssm update-document-default-version --name $default --document-version N"
}

main "$@"

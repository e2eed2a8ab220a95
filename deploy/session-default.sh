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

# content DOCUMENT [VERSION]; without the empty lines that --output text adds: each upload would make them more.
content() {
    # shellcheck disable=SC2086 # no word at all, or the version
    text=$(aws ssm get-document --name "$1" ${2:+--document-version $2} --document-format JSON \
        --query Content --output text) || return
    printf '%s\n' "$text"
}

# The version of the default document that has the wanted content: AWS does not take the same content twice.
version_with_it() {
    version=$(aws ssm describe-document --name "$default" --query Document.LatestVersion --output text) || return
    while [ "$version" -ge 1 ]; do
        # One that somebody has deleted has no content.
        content "$default" "$version" >"$scratch/other" 2>/dev/null && cmp -s "$scratch/wanted" "$scratch/other" && {
            printf '%s\n' "$version"
            return
        }
        version=$((version - 1))
    done
}

create() {
    aws ssm create-document --name "$default" --document-type Session --document-format JSON \
        --content "file://$scratch/wanted" >/dev/null || refused
}

# An update makes a version; the default version is the one that is used.
update() {
    used=$(aws ssm describe-document --name "$default" --query Document.DefaultVersion --output text) || refused
    version=$(version_with_it) || refused
    [ -n "$version" ] || version=$(aws ssm update-document --name "$default" --document-version "\$LATEST" \
        --document-format JSON --content "file://$scratch/wanted" \
        --query DocumentDescription.DocumentVersion --output text) || refused
    aws ssm update-document-default-version --name "$default" --document-version "$version" >/dev/null || refused
    echo "Back: aws ssm update-document-default-version --name $default --document-version $used"
}

refused() {
    die "$default cannot be changed" "a role with ssm:CreateDocument, ssm:UpdateDocument, ssm:UpdateDocumentDefaultVersion"
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
    content "$1" >"$scratch/wanted" ||
        die "there is no document $1 here, or it cannot be read" "aws ssm list-documents --filters Key=Owner,Values=Self"
    # No answer and no such document are not the same.
    present=$(aws ssm list-documents --filters "Key=Name,Values=$default" \
        --query "DocumentIdentifiers[?Name=='$default'].Name" --output text) ||
        die "the documents cannot be listed" "aws sts get-caller-identity"
    : >"$scratch/present"
    [ -z "$present" ] || content "$default" >"$scratch/present" || refused
    if cmp -s "$scratch/wanted" "$scratch/present"; then
        echo "$default is as $1: nothing to do"
        return
    fi
    diff -u "$scratch/present" "$scratch/wanted" || :
    if [ "${2-}" != --yes ]; then
        echo "Nothing was changed; to change it: deploy/session-default.sh $1 --yes"
    elif [ -z "$present" ]; then
        create
        echo "$default is made; back: aws ssm delete-document --name $default"
    else
        update
        echo "$default is changed."
    fi
}

main "$@"

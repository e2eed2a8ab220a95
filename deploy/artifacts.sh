#!/bin/sh
# Fills the bucket that kubectl instances install from, and prints what their stack is to be told.
#
#   deploy/artifacts.sh [--prefix PREFIX] [--kubectl MINOR]... [--bundle FILE] BUCKET PACKAGE...
#
#   PACKAGE          envguard's rpm or deb; one for each architecture that is used
#   --prefix PREFIX  envguard unless stated
#   --kubectl 1.33   the newest kubectl of that minor version, for both architectures; may be repeated
#   --bundle FILE    manifests as a bundle: git bundle create FILE main
#
#   KUBECTL_SOURCE   a mirror built like https://dl.k8s.io

set -eu

here=$(dirname "$(readlink -f "$0")")
source=${KUBECTL_SOURCE:-https://dl.k8s.io}

say() { printf '%s\n' "$*" >&2; }

die() {
    say "artifacts.sh: $1"
    [ -z "${2-}" ] || say "  instead   $2"
    exit 1
}

usage() {
    sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
    exit 64
}

# macOS has another program for it.
sha256() {
    if command -v sha256sum >/dev/null 2>&1; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -c1-64
}

# A name that is taken by somebody else's bucket must not get our files, nor our instances theirs.
check_bucket() {
    account=$(aws sts get-caller-identity --query Account --output text) || die "AWS does not know you" "aws configure"
    aws s3api head-bucket --bucket "$bucket" --expected-bucket-owner "$account" >/dev/null ||
        die "there is no bucket $bucket of the account $account" "aws s3 mb s3://$bucket"
}

# upload FILE KEY
upload() {
    say "s3://$bucket/$prefix/$2"
    aws s3 cp --only-show-errors "$1" "s3://$bucket/$prefix/$2" || die "$1 cannot be uploaded"
}

# download PATH FILE
download() {
    curl --fail --silent --show-error --location --retry 3 --output "$2" "$source/$1" ||
        die "$source/$1 cannot be fetched" "KUBECTL_SOURCE names a mirror"
}

# Both files are fetched and compared before one is uploaded.
kubectl() {
    printf '%s' "$1" | grep -Eq '^1\.[0-9]+$' || die "'$1' is no minor version" "--kubectl 1.33"
    download "release/stable-$1.txt" "$scratch/stable"
    version=$(cat "$scratch/stable")
    for arch in arm64 amd64; do
        download "release/$version/bin/linux/$arch/kubectl" "$scratch/kubectl-$arch"
        download "release/$version/bin/linux/$arch/kubectl.sha256" "$scratch/kubectl-$arch.sha256"
        [ "$(sha256 "$scratch/kubectl-$arch")" = "$(cut -c1-64 "$scratch/kubectl-$arch.sha256")" ] ||
            die "kubectl $version for $arch is not what its .sha256 says"
    done
    for arch in arm64 amd64; do
        upload "$scratch/kubectl-$arch" "kubectl/$1/linux/$arch/kubectl"
        upload "$scratch/kubectl-$arch.sha256" "kubectl/$1/linux/$arch/kubectl.sha256"
    done
}

main() {
    prefix=envguard minors='' bundle=''
    while [ $# -gt 0 ]; do
        case $1 in
            --prefix | --kubectl | --bundle)
                [ $# -ge 2 ] || usage
                case $1 in
                    --prefix) prefix=$2 ;;
                    --kubectl) minors="$minors $2" ;;
                    --bundle) bundle=$2 ;;
                esac
                shift
                ;;
            -*) usage ;;
            *) break ;;
        esac
        shift
    done
    [ $# -ge 2 ] || usage
    bucket=$1
    shift
    # As the parameters of the stack take them: better here than when everything lies there.
    printf '%s' "$prefix" | grep -Eq '^[0-9A-Za-z][0-9A-Za-z/_.-]*[0-9A-Za-z]$' || die "'$prefix' is no prefix" "envguard"
    for file in "$@" ${bundle:+"$bundle"}; do
        [ -f "$file" ] || die "there is no file $file"
        basename "$file" | grep -Eq '^[0-9A-Za-z][0-9A-Za-z._+~-]*$' ||
            die "$file has letters in its name that the stack does not take" "letters, digits, and . _ + ~ -"
    done
    for package in "$@"; do
        case $package in *.rpm | *.deb) ;; *) die "$package is neither .rpm nor .deb" ;; esac
    done
    [ -z "$bundle" ] || git bundle verify --quiet "$bundle" || die "$bundle is no bundle, or not a whole one" \
        "git bundle create $bundle main"
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    check_bucket
    for minor in $minors; do kubectl "$minor"; done
    [ -z "$bundle" ] || upload "$bundle" "$(basename "$bundle")"
    for package in "$@"; do upload "$package" "$(basename "$package")"; done
    upload "$here/user-data.sh" user-data.sh
    printf 'ArtifactBucket=%s\nArtifactPrefix=%s\nUserDataSha256=%s\n' "$bucket" "$prefix" \
        "$(sha256 "$here/user-data.sh")"
    for package in "$@"; do
        printf 'EnvguardPackage=%s\nEnvguardSha256=%s\n' "$(basename "$package")" "$(sha256 "$package")"
    done
    [ -z "$bundle" ] || printf 'ManifestSource=bundle\nManifestLocation=%s\n' "$(basename "$bundle")"
}

main "$@"

#!/bin/sh
# Makes a fresh Amazon Linux 2023 (or Debian, Ubuntu) the kubectl instance of one EKS cluster.
#
#   sh user-data.sh    everything, once; may be run again after a failure
#   sh user-data.sh update PACKAGE SHA256 [PARAMETER]
#                      only envguard, kubectl of the cluster's version, and the policy that PARAMETER holds
#                      (a `policy:` block, one for many instances)
#
# deploy/kubectl-instance.yaml fetches and runs it. From Terraform or CDK: write the settings below to
# /etc/envguard-deploy/settings, or put them in front of it as assignments; as user data it must be
# compressed (Terraform: user_data_base64 = base64gzip(...)), because the limit is 16 KiB.
#
#   DEPLOY_ENVIRONMENT        name of the environment
#   DEPLOY_CLUSTER            name of the EKS cluster
#   DEPLOY_REGION             its region
#   DEPLOY_ARTIFACTS          s3://BUCKET/PREFIX that deploy/artifacts.sh has filled
#   DEPLOY_PACKAGE            file name of envguard's package there (.rpm or .deb)
#   DEPLOY_PACKAGE_SHA256     its SHA-256
#   DEPLOY_KUBECTL_SOURCE     bucket, or the address of a mirror built like https://dl.k8s.io
#   DEPLOY_KUBECTL_ARCH       amd64 or arm64; default: this machine's
#   DEPLOY_MANIFEST_SOURCE    codecommit, deploy-key or bundle
#   DEPLOY_MANIFEST_LOCATION  repository name, SSH address, or file name of the bundle in DEPLOY_ARTIFACTS
#   DEPLOY_KEY_PARAMETER      deploy-key: the parameter with the private key
#   DEPLOY_KNOWN_HOSTS        deploy-key: the git server's line of known_hosts
#   DEPLOY_GIT_PROXY          deploy-key: HOST:PORT of an HTTP proxy
#   DEPLOY_BRANCH             branch of the checkout
#   DEPLOY_OVERLAY_ROOTS      blank-separated; empty: setup finds them
#   DEPLOY_ALLOW, DEPLOY_SHARED, DEPLOY_FOREIGN   names of overlays, blank-separated
#   DEPLOY_FETCH_MINUTES      between two fetches; default 5
#   DEPLOY_PULL               yes: the timer moves the checkout forward; no: a person does
#   DEPLOY_RUN_AS             OS user of the sessions, made without sudo; empty: ssm-user
#   DEPLOY_CONTACT            whom to ask
#
# Whatever fails ends it, with a message on the console log, in the journal and at every login. kubectl
# comes last: an instance that is not guarded has none.

set -eu
umask 022
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH

home=/etc/envguard-deploy
log=/var/log/envguard-deploy.log
# What the words of an end are, and where an operator who logs in all the same is told.
outcome="NOT SET UP"
warning=/etc/profile.d/zzz-envguard-not-set-up.sh
manifests=/srv/manifests
owner=manifests
needed="ENVIRONMENT CLUSTER REGION ARTIFACTS PACKAGE PACKAGE_SHA256 MANIFEST_SOURCE MANIFEST_LOCATION"
optional="KUBECTL_SOURCE KUBECTL_ARCH KEY_PARAMETER KNOWN_HOSTS GIT_PROXY BRANCH OVERLAY_ROOTS ALLOW SHARED FOREIGN
    FETCH_MINUTES PULL RUN_AS CONTACT"
step="reading the settings"

# ---- what is said ------------------------------------------------------------

say() {
    printf 'envguard: %s\n' "$*" | tee -a "$log"
    # The console log can be read without a session: aws ec2 get-console-output.
    { printf 'envguard: %s\n' "$*" >/dev/console; } 2>/dev/null || :
}

die() {
    say "$outcome ($step): $1"
    [ -z "${2-}" ] || say "  instead   $2"
    exit 1
}

# Runs at every end. An operator who logs in all the same is told.
ended() {
    code=$?
    [ -z "${scratch-}" ] || rm -rf "$scratch"
    if [ "$code" = 0 ]; then
        rm -f "$warning"
    else
        say "$outcome: stopped while $step; see $log, then run: sh $home/user-data.sh${again:+ $again}"
        logger -t envguard-deploy "$outcome: stopped while $step" 2>/dev/null || :
        mkdir -p "${warning%/*}"
        cat >"$warning" <<END
case \$- in
    *i*) printf '\n!!! This kubectl instance is $outcome: see $log !!!\n\n' >&2 ;;
esac
END
    fi
}

# ---- settings ----------------------------------------------------------------

read_settings() {
    [ "$(id -u)" = 0 ] || die "this needs root" "sudo sh $0"
    mkdir -p "$home"
    if [ -e "$home/settings" ]; then
        # shellcheck disable=SC1091 # written by the instance's user data
        . "$home/settings"
    fi
    for name in $needed; do
        eval "value=\${DEPLOY_$name-}"
        [ -n "$value" ] || die "DEPLOY_$name is not set" "set it in $home/settings"
    done
    case $DEPLOY_MANIFEST_SOURCE in
        codecommit | bundle) ;;
        deploy-key)
            [ -n "${DEPLOY_KEY_PARAMETER-}" ] || die "DEPLOY_KEY_PARAMETER is not set"
            [ -n "${DEPLOY_KNOWN_HOSTS-}" ] || die "DEPLOY_KNOWN_HOSTS is not set: nobody is here to compare a fingerprint"
            ;;
        *) die "DEPLOY_MANIFEST_SOURCE is '$DEPLOY_MANIFEST_SOURCE'" "codecommit, deploy-key or bundle" ;;
    esac
    case ${DEPLOY_KUBECTL_ARCH:=$(uname -m)} in
        amd64 | x86_64) DEPLOY_KUBECTL_ARCH=amd64 ;;
        arm64 | aarch64) DEPLOY_KUBECTL_ARCH=arm64 ;;
        *) die "there is no kubectl for $DEPLOY_KUBECTL_ARCH" ;;
    esac
    AWS_DEFAULT_REGION=$DEPLOY_REGION
    export AWS_DEFAULT_REGION
    scratch=$(mktemp -d)
}

# For `update`, and for running it again by hand.
keep_self() {
    [ "$(readlink -f "$0")" = "$home/user-data.sh" ] || cp "$0" "$home/user-data.sh"
    for name in $needed $optional; do
        eval "value=\${DEPLOY_$name-}"
        printf "DEPLOY_%s='%s'\n" "$name" "$(printf %s "$value" | sed "s/'/'\\\\''/g")"
    done >"$scratch/settings"
    install -m 0600 "$scratch/settings" "$home/settings"
}

# ---- fetching ----------------------------------------------------------------

# fetch URL FILE
fetch() {
    case $1 in
        s3://*) aws s3 cp --only-show-errors "$1" "$2" ;;
        *) curl --fail --silent --show-error --location --proto '=https' --retry 3 --max-time 300 --output "$2" "$1" ;;
    esac || die "$1 could not be fetched" "check endpoints, security groups and the instance's role"
}

# verify FILE SHA256
verify() {
    printf '%s' "$2" | grep -Eq '^[0-9a-f]{64}$' || die "there is no SHA-256 for ${1##*/}, but '$2'"
    printf '%s  %s\n' "$2" "$1" | sha256sum --check --status ||
        die "${1##*/} is not the file that was meant: its SHA-256 is not $2" "upload it again: deploy/artifacts.sh"
}

# ---- the parts ---------------------------------------------------------------

install_tools() {
    step="installing git"
    set -- git
    [ -z "${DEPLOY_GIT_PROXY-}" ] || set -- "$@" nmap-ncat
    if command -v dnf >/dev/null 2>&1; then
        rpm --quiet -q "$@" || dnf -y -q install "$@" || die "dnf cannot install $*" "check the gateway endpoint of S3"
    else
        [ -z "${DEPLOY_GIT_PROXY-}" ] || set -- git ncat
        command -v git >/dev/null 2>&1 || { apt-get -q update && apt-get -y -q install "$@"; } ||
            die "apt-get cannot install $*"
    fi
    command -v aws >/dev/null 2>&1 || die "there is no aws command" "use an AMI with the AWS CLI, such as Amazon Linux 2023"
}

install_envguard() {
    step="installing envguard"
    package=$scratch/$DEPLOY_PACKAGE
    fetch "$DEPLOY_ARTIFACTS/$DEPLOY_PACKAGE" "$package"
    verify "$package" "$DEPLOY_PACKAGE_SHA256"
    case $DEPLOY_PACKAGE in
        # An older one is installed, too: that is how a bad release is taken back.
        *.rpm) rpm --upgrade --oldpackage --replacepkgs "$package" ;;
        # As rpm does by itself: what a person has changed below /etc stays.
        *.deb) dpkg --force-confdef --force-confold --install "$package" ;;
        *) die "$DEPLOY_PACKAGE is neither .rpm nor .deb" ;;
    esac || die "the package $DEPLOY_PACKAGE cannot be installed"
    kubectl-envguard --version >/dev/null || die "kubectl-envguard does not run" "is the package for $(uname -m)?"
}

install_kubectl() {
    step="installing kubectl"
    minor=$(aws eks describe-cluster --name "$DEPLOY_CLUSTER" --query cluster.version --output text) ||
        die "the cluster $DEPLOY_CLUSTER cannot be described" "check the endpoint of eks and the instance's role"
    printf '%s' "$minor" | grep -Eq '^1\.[0-9]+$' || die "the cluster's version is '$minor'"
    case ${DEPLOY_KUBECTL_SOURCE:=bucket} in
        bucket) from=$DEPLOY_ARTIFACTS/kubectl/$minor/linux/$DEPLOY_KUBECTL_ARCH ;;
        *)
            fetch "$DEPLOY_KUBECTL_SOURCE/release/stable-$minor.txt" "$scratch/stable"
            from=$DEPLOY_KUBECTL_SOURCE/release/$(cat "$scratch/stable")/bin/linux/$DEPLOY_KUBECTL_ARCH
            ;;
    esac
    fetch "$from/kubectl" "$scratch/kubectl"
    fetch "$from/kubectl.sha256" "$scratch/kubectl.sha256"
    verify "$scratch/kubectl" "$(cut -c1-64 "$scratch/kubectl.sha256")"
    # By a rename: a kubectl that is running keeps its file.
    install -m 0755 "$scratch/kubectl" /usr/bin/kubectl.new
    mv /usr/bin/kubectl.new /usr/bin/kubectl
}

make_users() {
    step="making users"
    # Nobody logs in as the owner of the manifests; its units keep and fetch them.
    id "$owner" >/dev/null 2>&1 ||
        useradd --system --home-dir "/var/lib/$owner" --create-home --shell /usr/sbin/nologin "$owner" ||
        die "the user $owner cannot be made"
    chmod 0700 "/var/lib/$owner"
    if [ -n "${DEPLOY_RUN_AS-}" ] && ! id "$DEPLOY_RUN_AS" >/dev/null 2>&1; then
        useradd --create-home --shell /bin/bash "$DEPLOY_RUN_AS" || die "the user $DEPLOY_RUN_AS cannot be made"
    fi
}

as_owner() {
    runuser -u "$owner" -- env HOME="/var/lib/$owner" "$@"
}

# How git reaches the manifests; sets `origin`.
prepare_git() {
    step="preparing git"
    case $DEPLOY_MANIFEST_SOURCE in
        codecommit)
            origin=https://git-codecommit.$DEPLOY_REGION.amazonaws.com/v1/repos/$DEPLOY_MANIFEST_LOCATION
            # shellcheck disable=SC2016 # expanded by git's shell
            as_owner git config --global credential.helper '!aws codecommit credential-helper $@'
            as_owner git config --global credential.UseHttpPath true
            ;;
        deploy-key)
            origin=$DEPLOY_MANIFEST_LOCATION
            aws ssm get-parameter --name "$DEPLOY_KEY_PARAMETER" --with-decryption \
                --query Parameter.Value --output text >"$scratch/key" ||
                die "the parameter $DEPLOY_KEY_PARAMETER cannot be read"
            printf '%s\n' "$DEPLOY_KNOWN_HOSTS" >"$scratch/known_hosts"
            install -d -m 0700 -o "$owner" "/var/lib/$owner/.ssh"
            install -m 0600 -o "$owner" "$scratch/key" "/var/lib/$owner/.ssh/deploy-key"
            install -m 0644 -o "$owner" "$scratch/known_hosts" "/var/lib/$owner/.ssh/known_hosts"
            ssh="ssh -i /var/lib/$owner/.ssh/deploy-key -o IdentitiesOnly=yes -o BatchMode=yes"
            ssh="$ssh -o StrictHostKeyChecking=yes -o UserKnownHostsFile=/var/lib/$owner/.ssh/known_hosts"
            [ -z "${DEPLOY_GIT_PROXY-}" ] ||
                ssh="$ssh -o ProxyCommand='ncat --proxy $DEPLOY_GIT_PROXY --proxy-type http %h %p'"
            as_owner git config --global core.sshCommand "$ssh"
            ;;
        bundle)
            origin=/var/lib/$owner/manifests.bundle
            fetch "$DEPLOY_ARTIFACTS/$DEPLOY_MANIFEST_LOCATION" "$scratch/bundle"
            install -m 0644 -o "$owner" "$scratch/bundle" "$origin"
            ;;
    esac
}

# The pin, the rules, the checkout. What the overlays of others are is known before the first file of the
# checkout is written: stated by the settings, or found by setup in what git has.
set_up() {
    step="writing the kubeconfig"
    aws eks update-kubeconfig --name "$DEPLOY_CLUSTER" --alias "$DEPLOY_CLUSTER" \
        --kubeconfig "$scratch/kubeconfig" >/dev/null || die "the kubeconfig cannot be written"
    step="setting up envguard"
    install -d -m 0755 -o "$owner" "$manifests"
    set -- --yes --from "$scratch/kubeconfig" --context "$DEPLOY_CLUSTER" --cluster "$DEPLOY_CLUSTER" \
        --environment "$DEPLOY_ENVIRONMENT" --checkout "$manifests" --branch "${DEPLOY_BRANCH:=main}"
    [ -z "${DEPLOY_CONTACT-}" ] || set -- "$@" --contact "$DEPLOY_CONTACT"
    # No pathnames: these words are patterns for envguard.
    set -f
    for word in ${DEPLOY_OVERLAY_ROOTS-}; do set -- "$@" --overlay-root "$word"; done
    for word in ${DEPLOY_ALLOW-}; do set -- "$@" --allow "$word"; done
    for word in ${DEPLOY_SHARED-}; do set -- "$@" --shared "$word"; done
    for word in ${DEPLOY_FOREIGN-}; do set -- "$@" --foreign "$word"; done
    set +f
    if [ -n "${DEPLOY_OVERLAY_ROOTS-}" ]; then
        [ -n "${DEPLOY_ALLOW-}" ] || set -- "$@" --allow "$DEPLOY_ENVIRONMENT"
        setup "$@"
    elif [ ! -d "$manifests/.git" ]; then
        # Setup reads what git has; the disk stays empty.
        clone_bare
        setup "$@"
        rm -rf "$manifests/.git"
    fi
    [ -d "$manifests/.git" ] || clone_kept
    has_allowed
    # Now with the checkout: the judge tries every overlay.
    step="setting up envguard"
    setup "$@"
    tidy
}

# A mistyped DEPLOY_ALLOW makes no overlay foreign, either.
has_allowed() {
    step="looking for the allowed overlays"
    [ -n "${DEPLOY_OVERLAY_ROOTS-}" ] || return 0
    for root in $(set -f && echo "$DEPLOY_OVERLAY_ROOTS"); do
        for name in ${DEPLOY_ALLOW:-$DEPLOY_ENVIRONMENT}; do
            for overlay in "$manifests"/$root/$name; do
                [ ! -d "$overlay" ] || return 0
            done
        done
    done
    die "none of the overlays '${DEPLOY_ALLOW:-$DEPLOY_ENVIRONMENT}' is in $DEPLOY_OVERLAY_ROOTS of the manifests"
}

setup() {
    (cd / && kubectl-envguard setup "$@") >>"$log" 2>&1 || {
        tail -n 20 "$log" >/dev/console 2>/dev/null || :
        die "kubectl-envguard setup does not accept this" "read $log"
    }
}

clone_bare() {
    step="cloning the manifests"
    as_owner git clone --quiet --no-checkout "$origin" "$manifests" >>"$log" 2>&1 ||
        die "the manifests cannot be cloned from $origin" "read $log"
}

clone_kept() {
    step="cloning the manifests"
    # The clone is made beside its place and renamed.
    chown "$owner" "${manifests%/*}"
    code=0
    as_owner kubectl-envguard tidy --clone "$origin" "$manifests" >>"$log" 2>&1 || code=$?
    chown root "${manifests%/*}"
    [ "$code" = 0 ] || die "the manifests cannot be cloned from $origin" "read $log"
    as_owner git -C "$manifests" checkout --quiet "$DEPLOY_BRANCH" || die "there is no branch $DEPLOY_BRANCH in $origin"
}

tidy() {
    step="tidying the manifests"
    as_owner kubectl-envguard tidy >>"$log" 2>&1 || die "the checkout cannot be tidied" "read $log"
}

# ---- what runs from now on -----------------------------------------------------

write_units() {
    step="writing units"
    write_fetch >"$scratch/fetch"
    install -D -m 0755 "$scratch/fetch" "$home/fetch"
    cat >/etc/systemd/system/manifests-fetch.service <<END
# Fetches the manifests; started by manifests-fetch.timer.
[Unit]
Description=Fetch $manifests
After=network-online.target
Wants=network-online.target

[Service]
Type=oneshot
User=$owner
UMask=0022
ExecStart=$home/fetch
TimeoutStartSec=5min
NoNewPrivileges=yes
PrivateTmp=yes
ProtectSystem=full
END
    cat >/etc/systemd/system/manifests-fetch.timer <<END
[Unit]
Description=Fetch $manifests every ${DEPLOY_FETCH_MINUTES:=5} minutes

[Timer]
OnBootSec=1min
OnUnitActiveSec=${DEPLOY_FETCH_MINUTES}min
RandomizedDelaySec=30s

[Install]
WantedBy=timers.target
END
    # Session Manager's sh reads the file that ENV names: banner and prompt without a word in the session document.
    mkdir -p /etc/systemd/system/amazon-ssm-agent.service.d
    cat >/etc/systemd/system/amazon-ssm-agent.service.d/envguard.conf <<'END'
[Service]
Environment=ENV=/usr/lib/envguard/session.sh
Environment=ENVGUARD_LOGIN_SHELL=bash
END
    chmod 0755 "$home"
}

# The checkout's owner runs this. It never merges and never throws anything away: when the checkout cannot
# simply move forward, a person has to look, and the unit fails visibly.
write_fetch() {
    printf '#!/bin/sh\n# Written by user-data.sh: fetches %s.\nset -eu\ncd %s\n' "$manifests" "$manifests"
    if [ "$DEPLOY_MANIFEST_SOURCE" = bundle ]; then
        printf 'aws s3 cp --region %s --only-show-errors "%s" ~/manifests.bundle.new\n' "$DEPLOY_REGION" \
            "$DEPLOY_ARTIFACTS/$DEPLOY_MANIFEST_LOCATION"
        printf 'git bundle verify --quiet ~/manifests.bundle.new\nmv ~/manifests.bundle.new ~/manifests.bundle\n'
    fi
    printf 'git fetch --quiet --prune origin\n'
    [ "${DEPLOY_PULL:=yes}" != yes ] || printf 'git merge --quiet --ff-only @{upstream}\n'
}

start_units() {
    step="starting units"
    systemctl daemon-reload
    systemctl enable --now "envguard-watch@$owner.service" "envguard-tidy@$owner.timer" manifests-fetch.timer ||
        die "the units do not start" "systemctl status envguard-watch@$owner"
    # The agent may be under another name (snap), and sessions survive.
    systemctl try-restart amazon-ssm-agent.service || say "amazon-ssm-agent was not restarted: no banner before a reboot"
}

# ---- one policy for many instances ---------------------------------------------

# The `policy:` block of the configuration becomes the parameter's. It is judged where it will lie, because the
# real file is the only one that is read; what envguard cannot read does not stay.
update_policy() {
    [ -n "$1" ] || return 0
    step="updating the policy"
    config=/etc/envguard/config.yaml
    aws ssm get-parameter --name "$1" --query Parameter.Value --output text >"$scratch/policy" ||
        die "the parameter $1 cannot be read"
    is_policy "$scratch/policy" || die "$1 does not hold one block that begins with policy:"
    awk '/^policy:/ {inside = 1; next} inside && /^[ #]/ {next} {inside = 0; print}' "$config" >"$scratch/config.yaml"
    cat "$scratch/policy" >>"$scratch/config.yaml"
    cmp -s "$scratch/config.yaml" "$config" && return
    cp -p "$config" "$config.before"
    install -m 0644 "$scratch/config.yaml" "$config.new" && mv "$config.new" "$config"
    code=0
    # Any command that changes something: without a configuration that can be used it gets 78.
    kubectl-envguard check -- delete pods none >"$scratch/verdict" 2>&1 || code=$?
    if [ "$code" = 78 ]; then
        mv "$config.before" "$config"
        cat "$scratch/verdict" >>"$log"
        die "the policy of $1 cannot be used; the old one holds" "read $log"
    fi
    say "the policy is now that of $1"
}

is_policy() {
    case $(head -n 1 "$1") in policy:*) ;; *) return 1 ;; esac
    ! sed 1d "$1" | grep -q '^[^ #]'
}

update() {
    DEPLOY_PACKAGE=$1 DEPLOY_PACKAGE_SHA256=$2
    install_envguard
    update_policy "${3-}"
    install_kubectl
    keep_self
}

main() {
    # An update that fails leaves a guarded instance as it was, and says so in other words.
    if [ "${1-}" = update ]; then
        outcome="NOT UPDATED"
        warning=/etc/profile.d/zzz-envguard-not-updated.sh
        again=$*
    fi
    trap ended EXIT
    read_settings
    case ${1-} in
        '')
            keep_self
            install_tools
            install_envguard
            make_users
            prepare_git
            set_up
            write_units
            start_units
            install_kubectl
            ;;
        update)
            [ $# -ge 3 ] || die "update needs a package and its SHA-256" "sh user-data.sh update PACKAGE SHA256"
            shift
            update "$@"
            ;;
        *) die "user-data.sh does not know '$1'" "sh user-data.sh, or sh user-data.sh update PACKAGE SHA256" ;;
    esac
    say "${again:+updated and }set up: $DEPLOY_ENVIRONMENT, cluster $DEPLOY_CLUSTER, $(kubectl-envguard --version)"
}

main "$@"

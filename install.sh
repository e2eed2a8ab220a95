#!/bin/sh
# envguard's installer. For now it knows one thing: --try.
#
#   ./install.sh --try    build, and open a throw-away instance to look around in;
#                         without a terminal: run the tour, and exit 0 if every
#                         step went as it should
#
# --try needs no root and no cluster and changes nothing outside this directory's
# target/: home, repository, configuration and API server live in a temporary
# directory that is removed at the end.

set -eu

say() { printf '%s\n' "$*" >&2; }

die() {
    say "install.sh: error: $1"
    [ -z "${2-}" ] || say "  instead   $2"
    exit 1
}

usage() {
    sed -n '2,10s/^# \{0,1\}//p' "$here/install.sh"
}

need() {
    command -v "$1" >/dev/null 2>&1 || die "$1 is needed, $2" "$3"
}

# ---- what --try needs -------------------------------------------------------

check_needs() {
    need cargo "to build the programs" "install Rust: https://rustup.rs"
    need git "for the demo repository" "apt-get install git, or dnf install git"
    need bash "for the demo shell" "apt-get install bash, or dnf install bash"
    need sha256sum "for the cluster's fingerprint" "apt-get install coreutils"
    real=$(command -v kubectl) || die "no kubectl on PATH" \
        "install one: https://kubernetes.io/docs/tasks/tools/ (Debian: apt-get install kubernetes-client)"
    case $real in /*) ;; *) die "kubectl is $real in this shell, not a program" "unalias kubectl" ;; esac
}

# A real instance's configuration is the only one that is read where it exists.
# The demo hides it from itself, in a mount namespace of its own.
hide_real_instance() {
    [ -e /etc/envguard/config.yaml ] || return 0
    [ -z "${ENVGUARD_TRY_HIDDEN-}" ] || die "/etc/envguard could not be hidden" "try it on another machine"
    command -v unshare >/dev/null 2>&1 || die \
        "this machine is a real instance, and without unshare its configuration cannot be hidden from the demo" \
        "apt-get install util-linux, or try it on another machine"
    say "This machine is a real instance: the demo runs where its configuration cannot be seen."
    # shellcheck disable=SC2016 # expanded by the inner shell
    ENVGUARD_TRY_HIDDEN=1 exec unshare --user --map-root-user --mount sh -c \
        'mount -t tmpfs none /etc/envguard && exec "$0" --try' "$here/install.sh" ||
        die "this kernel does not allow it (unshare --user)" "try it on another machine"
}

build() {
    say "Building envguard and a stand-in for an API server (about a minute the first time) ..."
    begun=$(date +%s)
    target=${CARGO_TARGET_DIR:-target}
    case $target in /*) ;; *) target=$here/$target ;; esac
    # A person's own settings may name another directory; the programs must be here.
    (cd "$here" && cargo build --quiet --locked --profile quick --target-dir "$target" \
        --bins --example apiserver-standin) || die "the build failed" "see the messages above"
    programs=$target/quick
    [ -x "$programs/kubectl-envguard" ] ||
        die "the build left no program in $programs" "unset CARGO_BUILD_TARGET, and build.target in cargo's settings"
    say "Built in $(($(date +%s) - begun)) s, into $programs."
}

# ---- the throw-away instance -------------------------------------------------

make_instance() {
    demo=$(mktemp -d "${TMPDIR:-/tmp}/envguard-try.XXXXXX") ||
        die "no temporary directory can be made in ${TMPDIR:-/tmp}" "TMPDIR=/var/tmp ./install.sh --try"
    trap clean_up EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    mkdir "$demo/home" "$demo/bin" "$demo/shims" "$demo/cluster"
    ln -s "$programs/envguard-shim" "$demo/shims/kubectl"
    ln -s "$programs/kubectl-envguard" "$demo/bin/kubectl-envguard"
    start_cluster
    make_repository
    write_configuration
    write_shell_start
}

# The server ends when the pipe on its standard input closes, that is with this
# script, however that ends.
start_cluster() {
    mkfifo "$demo/hold" "$demo/announce"
    "$programs/examples/apiserver-standin" --dir "$demo/cluster" --name develop-eks --exit-with-stdin \
        <"$demo/hold" >"$demo/announce" &
    exec 9>"$demo/hold"
    read -r word <"$demo/announce" || word=ended
    [ "$word" = ready ] || die "the API server stand-in did not start"
}

make_repository() {
    cp -R "$here/tests/demo" "$demo/manifests"
    (
        cd "$demo/manifests"
        demo_git init --quiet
        demo_git add .
        demo_git commit --quiet --message "demo"
    )
}

# git without the person's own settings: no signing, no hooks, no templates.
demo_git() {
    env HOME="$demo/home" GIT_CONFIG_NOSYSTEM=1 \
        git -c user.name=demo -c user.email=demo@example.invalid "$@"
}

write_configuration() {
    fingerprint=$(sed '/-----/d' "$demo/cluster/ca.pem" | base64 -d | sha256sum | cut -c1-64)
    cat >"$demo/config.yaml" <<EOF
apiVersion: envguard/v1alpha1
kind: Instance
environment: develop
cluster:
  name: develop-eks
  kubeconfig: $demo/cluster/kubeconfig
  server: $(cat "$demo/cluster/server-url")
  caCertHash: sha256:$fingerprint
checkouts:
  - path: $demo/manifests
    overlayRoots: [overlays]
    allow: [develop]
banner: {contact: "#demo"}
EOF
    chmod 600 "$demo/config.yaml"
}

write_shell_start() {
    cat >"$demo/bashrc" <<'EOF'
PS1='[\[\e[32m\]DEVELOP\[\e[0m\] develop-eks] \w\$ '
cat <<'TEXT'

This is a throw-away DEVELOP kubectl instance. Try:

  ls overlays
  kubectl envguard apply -k overlays/develop     creates the demo's objects
  kubectl get deployments,configmaps
  kubectl apply -k overlays/prod                 the accident: refused
  kubectl envguard why target-foreign
  exit                                           removes everything

TEXT
EOF
}

clean_up() {
    exec 9>&-
    wait
    rm -rf "$demo"
}

# Runs a command inside the instance. Descriptor 9 stays here: whoever inherited
# it would keep the server alive.
inside() {
    (
        cd "$demo/manifests"
        exec env -u XDG_CONFIG_HOME -u KUBECONFIG -u KUBERC -u KUBECTL_KUBERC \
            -u KUBECTL_EXTERNAL_DIFF -u ENVGUARD_NAMESPACE -u ENVGUARD_DEPTH \
            HOME="$demo/home" ENVGUARD_CONFIG="$demo/config.yaml" \
            PATH="$demo/shims:$demo/bin:$PATH" "$@"
    ) 9>&-
}

# ---- with and without a terminal ----------------------------------------------

# Runs one step of the tour and compares its exit code.
step() {
    expected=$1
    shift
    printf '\n$ %s\n' "$*"
    code=0
    inside "$@" 2>&1 || code=$?
    [ "$code" = "$expected" ] || die "this step exited $code, not $expected"
}

# What would have changed the cluster, so far.
changes() {
    grep -cv '^GET ' "$demo/cluster/requests.log" || true
}

tour() {
    step 0 kubectl envguard apply -k overlays/develop
    step 0 kubectl get deployments,services,configmaps
    before=$(changes)
    step 77 kubectl apply -k overlays/prod
    step 77 kubectl delete -f overlays/prod -R
    step 77 kubectl get pods --context production
    step 0 kubectl envguard check -- diff -k overlays/develop
    [ "$(changes)" = "$before" ] || die "something was sent for a refused command"
    printf '\nThe refused commands sent nothing: %s changes before and after.\n' "$before"
}

try() {
    check_needs
    hide_real_instance
    build
    make_instance
    if [ -t 0 ] && [ -t 1 ]; then
        inside bash --rcfile "$demo/bashrc" -i || true
        say "The instance is gone."
    else
        tour
    fi
}

main() {
    here=$(dirname "$(readlink -f "$0")")
    case ${1-} in
        --try) try ;;
        -h | --help) usage ;;
        *)
            usage >&2
            exit 64
            ;;
    esac
}

main "$@"

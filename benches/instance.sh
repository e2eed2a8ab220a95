# shellcheck shell=sh disable=SC2034,SC2154 # those that source it set and use them

# What the benches of the guard have in common; sourced.
#
# An instance in $work, the programs as a package builds them, and how they are run.

# figure PROMISE VALUE UNIT LIMIT AGAINST: one row of the table that benches/run prints.
# A LIMIT of - is none.
figure() {
    [ -z "${FIGURES-}" ] || printf '%s\t%s\t%s\t%s\t%s\n' "$@" >>"$FIGURES"
}

say() { printf '%s\n' "$*"; }

# The shim is linked statically; cargo keeps whichever variant was asked for last.
build() {
    cargo build --quiet --release --locked --bin kubectl-envguard
    cargo rustc --quiet --release --locked --bin envguard-shim -- -C target-feature=+crt-static -C relocation-model=static
    programs=$(cd "${CARGO_TARGET_DIR:-target}/release" && pwd)
    cc -O2 -static -nostdlib -o "$work/empty" benches/empty.c
    cc -O2 -o "$work/paired" benches/paired.c
}

# One checkout, a configuration of a page, a kubeconfig as an EKS cluster has it. Needs
# the programs.
make_instance() {
    mkdir -p "$work/home" "$work/real" "$work/m" "$work/log"
    cp "$work/empty" "$work/real/kubectl"
    cp -R tests/demo/. "$work/m"
    certificate=$(head -c 1100 /dev/zero | base64 -w 64)
    pem=$(printf -- '-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n' "$certificate")
    fingerprint=$(head -c 1100 /dev/zero | sha256sum | cut -c1-64)
    cat >"$work/kubeconfig" <<EOF
apiVersion: v1
kind: Config
current-context: develop-eks
contexts:
- context: {cluster: develop-eks, user: develop-eks}
  name: develop-eks
clusters:
- cluster:
    certificate-authority-data: $(printf '%s\n' "$pem" | base64 -w 0)
    server: https://0123456789ABCDEF0123456789ABCDEF.gr7.ap-northeast-1.eks.amazonaws.com
  name: develop-eks
users:
- name: develop-eks
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      command: aws
      args: [--region, ap-northeast-1, eks, get-token, --cluster-name, develop-eks]
EOF
    cat >"$work/config.yaml" <<EOF
apiVersion: envguard/v1alpha1
kind: Instance
environment: develop
cluster:
  name: develop-eks
  kubeconfig: $work/kubeconfig
  server: https://0123456789ABCDEF0123456789ABCDEF.gr7.ap-northeast-1.eks.amazonaws.com
  caCertHash: sha256:$fingerprint
  exec: {command: aws, args: [--region, ap-northeast-1, eks, get-token, --cluster-name, develop-eks]}
checkouts:
  - path: $work/m
    overlayRoots: [overlays, "apps/*/overlays"]
    allow: [develop]
    shared: [base, common]
audit: $work/log
banner: {contact: "#sre-oncall", lines: ["Runbook: https://wiki.example/runbook"]}
policy: {remotes: ["https://github.com/org/"]}
EOF
    # As every instance has it that was set up: with the seal of its kubeconfig.
    inside env KUBECONFIG="$work/kubeconfig" "$programs/kubectl-envguard" --config "$work/config.yaml" \
        setup --yes </dev/null >"$work/setup" 2>&1 || { cat "$work/setup"; exit 1; }
    grep -q '^  seal: ' "$work/config.yaml" || { say "setup recorded no seal"; exit 1; }
}

# Runs a command as the operator's shell would run kubectl.
inside() {
    (
        cd "$work/m" || exit
        exec env -i HOME="$work/home" PATH="$work/real:/usr/bin:/bin" LANG=C.UTF-8 \
            ENVGUARD_CONFIG="$work/config.yaml" "$@"
    )
}

instructions() {
    valgrind=$(command -v valgrind)
    # Without a kubectl to become: valgrind prints nothing for a process that is
    # replaced.
    inside env PATH=/nonexistent "$valgrind" --tool=callgrind --callgrind-out-file=/dev/null "$@" 2>&1 |
        awk '/Collected/ {print $4}'
}

# The kubectl to compare with: the one that was named, else the newest at hand.
find_kubectl() {
    kubectl=${1:-$(tests/tools.sh list "${ENVGUARD_TEST_TOOLS:-target/tools}" | tail -n 1 | cut -f 2)}
    [ -x "$kubectl" ] || { say "no kubectl: tests/run --install"; exit 1; }
    ln -s "$(realpath "$kubectl")" "$work/kubectl-real"
    kubectl=$work/kubectl-real
}

# The same configuration without the sandbox.
switch_sandbox_off() { sed 's|policy: {|&sandbox: off, |' "$work/config.yaml" >"$work/off.yaml"; }

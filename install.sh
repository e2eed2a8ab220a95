#!/bin/sh
# envguard's installer.
#
#   ./install.sh                    build from this source, install, and set up
#   ./install.sh --from FILE        install a release: a tarball, a deb or a rpm, with
#                                   SHA256SUMS and SHA256SUMS.sig beside it
#   ./install.sh --version X --releases DIR-OR-URL
#                                   install the release X, also an older one
#   ./install.sh --uninstall        remove exactly what was installed
#   ./install.sh --try              open a throw-away instance to look around in (also
#                                   --try=production): of the release beside this
#                                   script, else built; without a terminal: a tour
#
#   --prefix DIR      where; root: /usr/local, everybody else: ~/.local
#   --dry-run         say what would be done; do nothing
#   --adopt-kubectl   move a real /usr/local/bin/kubectl aside and stand in its place;
#                     --uninstall moves it back
#   --agent           also Session Manager's shells (the agent's ENV drop-in)
#   --sudoers         also `sudo kubectl` (a secure_path line, checked by visudo)
#   --shell-rc        also shells that read only their own start file: one line in it
#   --undo            with --uninstall: bring back the overlays that were tidied away
#   --no-setup        do not ask anything afterwards
#   --key FILE        the public key that releases are signed with
#   --root DIR        install below DIR: for images
#   --programs DIR    take the programs that were built there before
#
# Nothing is written before a release's signature was verified. A file is replaced
# whole: interrupted at any moment, what was there before still works, and running it
# again finishes. The configuration, the audit log and what was put aside stay.

set -eu

say() { printf '%s\n' "$*" >&2; }

die() {
    say "install.sh: error: $1"
    [ -z "${2-}" ] || say "  instead   $2"
    exit 1
}

usage() {
    sed -n '2,/^$/s/^# \{0,1\}//p' "$here/install.sh"
}

need() {
    command -v "$1" >/dev/null 2>&1 || die "$1 is needed, $2" "$3"
}

# ---- a throw-away instance ----------------------------------------------------

# A real instance's configuration is the only one that is read where it exists.
# The demo hides it from itself, in a mount namespace of its own.
hide_real_instance() {
    [ -e /etc/envguard/config.yaml ] || return 0
    [ -z "${ENVGUARD_TRY_HIDDEN-}" ] || die "/etc/envguard could not be hidden" "try it on another machine"
    command -v unshare >/dev/null 2>&1 || die \
        "this machine is a real instance, and without unshare its configuration cannot be hidden from the demo" \
        "apt-get install util-linux, or try it on another machine"
    # Tried first: after exec there is nobody left who could say what to do.
    why=$(unshare --user --map-root-user --mount mount -t tmpfs none /etc/envguard 2>&1) || die \
        "this machine is a real instance, and its configuration cannot be hidden from the demo: $why" \
        "try it on another machine"
    say "This machine is a real instance: the demo runs where its configuration cannot be seen."
    # shellcheck disable=SC2016 # expanded by the inner shell
    ENVGUARD_TRY_HIDDEN=1 exec unshare --user --map-root-user --mount sh -c \
        'mount -t tmpfs none /etc/envguard && exec "$0" "$@"' "$here/install.sh" "$@"
}

# The release that lies beside this script.
release_beside() {
    find "$here" -maxdepth 1 -name "kubectl-envguard-*-$(uname -m)-linux.tar.gz" | sort -V | tail -n 1
}

# Optimised a little: quick to compile, quick enough to judge.
build_quickly() {
    need cargo "to build the programs" "install Rust: https://rustup.rs; or put a release beside this script"
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

# Programs that were named, those of the release that this is, those of a release
# beside it, or new ones.
try_out() {
    make_work envguard-try
    from=$here
    if [ -z "$archive$programs" ]; then
        if [ -x "$here/bin/kubectl-envguard" ]; then
            programs=$here/bin
        else
            archive=$(release_beside)
            releases=$here
        fi
    fi
    archive=${archive##*/}
    if [ -n "$archive" ]; then
        case $archive in *.tar.gz) ;; *) die "only a tarball can be tried" "--from kubectl-envguard-…-linux.tar.gz" ;; esac
        say "Using the release $archive."
        take_release
    elif [ -z "$programs" ]; then
        build_quickly
    fi
    [ -f "$from/deploy/try.sh" ] || die "there is no demo beside $0" "--try works in the source, or in an unpacked release"
    # shellcheck source=deploy/try.sh disable=SC1091
    . "$from/deploy/try.sh"
    open_instance
}

# ---- what is installed, and where ----------------------------------------------

# Where the programs' own words stand for the prefix, it is put in.
with_prefix() {
    sed -e "s|/usr/bin/kubectl-envguard|$prefix/bin/kubectl-envguard|g" \
        -e "s|/usr/lib/envguard|$prefix/lib/envguard|g" \
        -e "s|/usr/share/doc/kubectl-envguard|$prefix/share/doc/kubectl-envguard|g" "$1"
}

zsh_functions() {
    if [ "$prefix" = /usr ] && [ -e "$root/etc/debian_version" ]; then
        printf '%s\n' /usr/share/zsh/vendor-completions
    else
        printf '%s\n' "$prefix/share/zsh/site-functions"
    fi
}

# stage TREE: lays out below TREE what deploy/files lists, as it will stand.
stage() {
    zsh=$(zsh_functions)
    while read -r scope kind mode source place; do
        case $scope in
            all) ;;
            system) [ "$reach" = system ] || continue ;;
            *) continue ;;
        esac
        case $place in
            @P*) place=$prefix${place#@P} ;;
            @Z*) place=$zsh${place#@Z} ;;
        esac
        mkdir -p "$1${place%/*}"
        case $kind in
            program) cp "$programs/$source" "$1$place" ;;
            file) cp "$from/$source" "$1$place" ;;
            text) with_prefix "$from/$source" >"$1$place" ;;
            page) gzip -9nc "$from/$source" >"$1$place" ;;
            link) ln -sf "$source" "$1$place" ;;
            *) die "deploy/files has an entry of the kind $kind" ;;
        esac
        [ "$kind" = link ] || chmod "$mode" "$1$place"
    done <"$from/deploy/files"
    drop_in=/etc/systemd/system/amazon-ssm-agent.service.d
    [ "$reach" = system ] || return 0
    # What was asked for once is kept by an upgrade.
    if [ -n "$agent" ] || is_ours "$drop_in/envguard.conf"; then
        agent=yes
        mkdir -p "$1$drop_in"
        with_prefix "$from/shell/systemd/amazon-ssm-agent.conf" >"$1$drop_in/envguard.conf"
    fi
    if [ -n "$sudoers" ] || is_ours /etc/sudoers.d/envguard; then
        sudoers=yes
        mkdir -p "$1/etc/sudoers.d"
        printf '%s\n' "# sudo kubectl is guarded, too." "$(sudoers_line)" >"$1/etc/sudoers.d/envguard"
        chmod 440 "$1/etc/sudoers.d/envguard"
        need visudo "to check the sudoers line" "leave --sudoers out, or install sudo"
        visudo -cqf "$1/etc/sudoers.d/envguard" >/dev/null || die "visudo does not accept the sudoers line"
    fi
    # A package brings no file below /usr/local; its scriptlet takes the name when it is free.
    if [ "$action" != stage ] && shim_place_is_ours; then
        mkdir -p "$1/usr/local/bin"
        ln -sf "$prefix/lib/envguard/shims/kubectl" "$1/usr/local/bin/kubectl"
    fi
}

# The machine's own secure_path stays, behind the guard.
sudoers_line() {
    path=$(secure_path)
    printf 'Defaults secure_path="%s"' \
        "$prefix/lib/envguard/shims:${path:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}"
}

# The last secure_path that others than this installer have written.
secure_path() {
    for file in "$root/etc/sudoers" "$root/etc/sudoers.d"/*; do
        # sudo passes over names with a dot in them, and those that end in ~.
        case ${file##*/} in *.* | *~ | envguard) continue ;; esac
        [ ! -f "$file" ] || sed -nE \
            -e 's/^[[:space:]]*Defaults.*secure_path[[:space:]]*=[[:space:]]*"([^"]*)".*/\1/p;t' \
            -e 's/^[[:space:]]*Defaults.*secure_path[[:space:]]*=[[:space:]]*([^",[:space:]]+).*/\1/p' "$file"
    done 2>/dev/null | tail -n 1 | sed "s|^$prefix/lib/envguard/shims:||"
}

# /usr/local/bin/kubectl is taken when the name is free, or when it may be moved aside.
shim_place_is_ours() {
    if [ -n "$adopt" ] || is_ours /usr/local/bin/kubectl; then return 0; fi
    [ ! -e "$root/usr/local/bin/kubectl" ] && [ ! -L "$root/usr/local/bin/kubectl" ]
}

# ---- the manifest: what was placed, a line for each -----------------------------
#
#   file HASH PATH     link TARGET PATH     dir - PATH (made by us)
#   adopted LINK PATH  kubectl that stood at PATH; LINK is where it led, or - for a file
#   line N PATH        our line in a start file; N = n when it did not end with a newline

listed() {
    [ ! -e "$manifest" ] || grep -E "^$1 " "$manifest" || :
}

is_ours() {
    [ -e "$manifest" ] && grep -qE "^(file|link) [^ ]+ $1\$" "$manifest"
}

hash_of() {
    sha256sum "$1" | cut -c1-64
}

# The programs first, then what starts them, and last the name kubectl: nothing ever
# leads to what is not there yet.
describe_tree() {
    (cd "$1" && find . -type l -o -type f) | sed 's/^\.//' | sort |
        awk '{ at = $0 == "/usr/local/bin/kubectl" ? 3 : index($0, "/etc/") == 1 ? 2 : 1; print at, $0 }' |
        sort -s -k 1,1n | cut -d' ' -f2 | while read -r path; do
        if [ -L "$1$path" ]; then
            printf 'link %s %s\n' "$(readlink "$1$path")" "$path"
        else
            printf 'file %s %s\n' "$(hash_of "$1$path")" "$path"
        fi
    done
}

# Whether what stands at PATH is what the line of the manifest says.
still_is() {
    case $1 in
        file) [ -f "$root$3" ] && [ ! -L "$root$3" ] && [ "$(hash_of "$root$3")" = "$2" ] ;;
        link) [ -L "$root$3" ] && [ "$(readlink "$root$3")" = "$2" ] ;;
    esac
}

# Whether what stands at PATH is what the manifest says, in one of its lines: while a
# version takes another's place there is one for each.
is_as_placed() {
    if [ -L "$root$1" ]; then
        grep -qxF "link $(readlink "$root$1") $1" "$manifest"
    else
        [ -f "$root$1" ] && grep -qxF "file $(hash_of "$root$1") $1" "$manifest"
    fi
}

# ---- placing ---------------------------------------------------------------------

# The directories that are missing above PATH, the highest first.
missing_above() {
    [ -z "${1%/*}" ] || [ -d "$root${1%/*}" ] || {
        missing_above "${1%/*}"
        printf '%s\n' "${1%/*}"
    }
}

package_of_program() {
    { dpkg -S "$prefix/bin/kubectl-envguard" || rpm -qf "$prefix/bin/kubectl-envguard"; } 2>/dev/null
}

# Something else that stands in the way is found before anything is written.
check_places() {
    while read -r kind what path; do
        if [ ! -e "$root$path" ] && [ ! -L "$root$path" ]; then continue; fi
        if still_is "$kind" "$what" "$path" || is_ours "$path"; then continue; fi
        [ "$path" != /usr/local/bin/kubectl ] || [ -z "$adopt" ] || continue
        die "$path is there already, and not from this installer" "mv $path $path.old"
    done <"$work/wanted"
    [ "$reach" = system ] && [ -z "$root" ] || return 0
    owner=$(package_of_program) || return 0
    die "$prefix/bin/kubectl-envguard belongs to the package ${owner%%:*}" "upgrade that package, or another --prefix"
}

# Keeps what a person has changed below /etc.
was_changed_by_hand() {
    case $1 in /etc/*) ;; *) return 1 ;; esac
    [ -e "$root$1" ] && is_ours "$1" && ! is_as_placed "$1"
}

place_all() {
    agent_changed=''
    while read -r kind what path; do
        if still_is "$kind" "$what" "$path"; then continue; fi
        if was_changed_by_hand "$path"; then
            say "kept     $root$path (changed by hand)"
            continue
        fi
        say "placed   $root$path"
        [ "$path" != "$drop_in/envguard.conf" ] || agent_changed=yes
        [ -z "$dry" ] || continue
        rm -f "$root$path.envguard-new"
        cp -P "$work/tree$path" "$root$path.envguard-new"
        mv -f "$root$path.envguard-new" "$root$path"
    done <"$work/wanted"
}

# A kubectl that somebody has put into /usr/local/bin, unless it is moved aside already.
to_adopt() {
    [ -n "$adopt" ] && [ "$reach" = system ] || return 1
    place=$root/usr/local/bin/kubectl
    if [ -L "$place" ]; then
        [ "$(readlink "$place")" != "$prefix/lib/envguard/shims/kubectl" ]
    else
        [ -e "$place" ]
    fi
}

plan_adoption() {
    # Begun once, it is finished.
    [ -z "$(listed adopted)" ] || adopt=yes
    to_adopt || return 0
    link=-
    [ ! -L "$place" ] || link=$(readlink "$place")
    printf 'adopted %s %s\n' "$link" /usr/local/bin/kubectl >>"$work/manifest"
    printf 'dir - %s\n' "$prefix/lib/envguard/adopted" >>"$work/manifest"
}

# It is copied first and replaced at once: at every moment there is one.
adopt_kubectl() {
    to_adopt || return 0
    aside=$prefix/lib/envguard/adopted/kubectl
    say "moved    $place to $root$aside"
    [ -z "$dry" ] || return 0
    rm -f "$root$aside.envguard-new"
    if [ -L "$place" ]; then
        ln -s "$(readlink -f "$place")" "$root$aside.envguard-new"
    else
        cp -p "$place" "$root$aside.envguard-new"
    fi
    mv -f "$root$aside.envguard-new" "$root$aside"
}

give_kubectl_back() {
    listed adopted | while read -r _ link path; do
        aside=$root$prefix/lib/envguard/adopted/kubectl
        say "moved    $root$aside back to $root$path"
        [ -z "$dry" ] || continue
        if [ -e "$aside" ] || [ -L "$aside" ]; then
            rm -f "$root$path.envguard-new"
            if [ "$link" = - ]; then
                cp -p "$aside" "$root$path.envguard-new"
            else
                ln -s "$link" "$root$path.envguard-new"
            fi
            mv -f "$root$path.envguard-new" "$root$path"
        fi
        rm -f "$aside" "$aside.envguard-new"
    done
}

write_manifest() {
    [ -z "$dry" ] || return 0
    mkdir -p "${manifest%/*}"
    sort -u "$1" >"$manifest.envguard-new"
    mv -f "$manifest.envguard-new" "$manifest"
}

plan_directories() {
    printf 'dir - %s\n' "$prefix/lib/envguard" >>"$work/manifest"
    {
        cut -d' ' -f3 "$work/wanted"
        [ "$reach" != system ] || printf '%s/-\n' /var/log/envguard /var/lib/envguard
    } | while read -r path; do
        missing_above "$path"
    done | sed 's/^/dir - /' >>"$work/manifest"
}

make_directories() {
    [ -z "$dry" ] || return 0
    sed -n 's/^dir - //p' "$work/manifest" | sort -u | while read -r directory; do
        [ -d "$root$directory" ] || mkdir "$root$directory"
    done
    [ "$reach" != system ] || chmod 1733 "$root/var/log/envguard"
}

# What the version before had and this one has not.
remove_outdated() {
    [ -e "$work/old" ] || return 0
    grep -E '^(file|link) ' "$work/old" | cut -d' ' -f3- | sort -u | while read -r path; do
        grep -qE "^(file|link) [^ ]+ $path\$" "$work/wanted" || remove "$path"
    done
}

remove() {
    [ -n "$dry" ] || rm -f "$root$1.envguard-new"
    if [ ! -e "$root$1" ] && [ ! -L "$root$1" ]; then return 0; fi
    if is_as_placed "$1"; then
        say "removed  $root$1"
        [ -n "$dry" ] || rm -f "$root$1"
    else
        say "kept     $root$1 (changed since; remove it by hand)"
    fi
}

# ---- one line in a start file, when it was asked for ----------------------------

start_files() {
    if [ "$reach" = system ]; then
        printf '%s\n' /etc/bash.bashrc /etc/zsh/zshrc /etc/zshrc
    else
        printf '%s\n' "$HOME/.bashrc" "$HOME/.zshrc"
    fi
}

start_line() {
    case $reach:$1 in
        system:*) printf '%s' '. /etc/profile.d/zz-envguard.sh # envguard' ;;
        *zshrc) printf '%s' "eval \"\$($prefix/bin/kubectl-envguard hook zsh)\" # envguard" ;;
        *) printf '%s' "eval \"\$($prefix/bin/kubectl-envguard hook bash)\" # envguard" ;;
    esac
}

# The start files that lack the line, each with how it ends.
files_without_line() {
    [ -n "$shell_rc" ] || return 0
    start_files | while read -r file; do
        if [ ! -f "$root$file" ] || grep -qxF "$(start_line "$file")" "$root$file"; then continue; fi
        end=$(tail -c 1 "$root$file" | od -An -c | tr -d ' ')
        case $end in '' | '\n') mark=- ;; *) mark=n ;; esac
        printf '%s %s\n' "$mark" "$file"
    done
}

# Whoever is interrupted after a line was added finds it in the manifest.
plan_lines() {
    files_without_line | sed 's/^/line /' >>"$work/manifest"
}

add_lines() {
    files_without_line | while read -r mark file; do
        say "line in  $root$file"
        [ -z "$dry" ] || continue
        cp -p "$root$file" "$root$file.envguard-new"
        {
            [ "$mark" = - ] || echo
            printf '%s\n' "$(start_line "$file")"
        } >>"$root$file.envguard-new"
        mv -f "$root$file.envguard-new" "$root$file"
    done
}

remove_lines() {
    listed line | while read -r _ mark file; do
        [ -f "$root$file" ] || continue
        say "line out $root$file"
        [ -z "$dry" ] || continue
        cp -p "$root$file" "$root$file.envguard-new"
        grep -vxF "$(start_line "$file")" "$root$file" >"$root$file.envguard-new" || :
        if [ "$mark" = n ]; then
            printf %s "$(cat "$root$file.envguard-new")" >"$work/line"
            cat "$work/line" >"$root$file.envguard-new"
        fi
        mv -f "$root$file.envguard-new" "$root$file"
    done
}

# ---- where it comes from -----------------------------------------------------------

build_release() {
    from=$here
    # The installed copy can only take away, or install a release.
    [ -f "$from/deploy/files" ] || die "there is nothing to install beside $0" "--from FILE, a release; or the installer of the source"
    # Those that were built before, or are in the release that was unpacked by hand.
    [ -z "$programs" ] || [ -x "$programs/kubectl-envguard" ] ||
        die "there is no kubectl-envguard in $programs" "leave --programs out, to build it"
    [ -n "$programs" ] || programs=$here/bin
    if [ -x "$programs/kubectl-envguard" ]; then return 0; fi
    if [ -n "$dry" ]; then
        say "would build the programs first"
        programs=$work/nothing
        mkdir "$programs"
        : >"$programs/kubectl-envguard"
        : >"$programs/envguard-shim"
        return 0
    fi
    need cargo "to build the programs" "install Rust (https://rustup.rs), or --from a release"
    target=${CARGO_TARGET_DIR:-$here/target}
    say "Building envguard (some minutes the first time) ..."
    build build --bin kubectl-envguard || die "the build failed" "see the messages above"
    # The shim runs before every kubectl: linked statically it starts sooner (benches/NOTES.md).
    build rustc --bin envguard-shim -- -C target-feature=+crt-static -C relocation-model=static 2>/dev/null || {
        say "There is no static C library here (glibc-static): the shim is linked with the other one, and starts a little later."
        build build --bin envguard-shim || die "the build failed" "see the messages above"
    }
    programs=$target/release
}

build() {
    how=$1
    shift
    (cd "$here" && cargo "$how" --quiet --locked --release --target-dir "$target" "$@")
}

# fetch NAME: a file of the release, into the private directory.
fetch() {
    case $releases in
        https://*)
            need curl "to fetch the release" "apt-get install curl, or dnf install curl-minimal"
            curl --proto '=https' --fail --silent --show-error --location --output "$work/$1" "$releases/$1" ||
                die "$releases/$1 cannot be fetched"
            ;;
        *)
            [ -f "$releases/$1" ] || die "$releases/$1 is not there" "put the whole release there: SHA256SUMS and SHA256SUMS.sig, too"
            cp "$releases/$1" "$work/$1"
            ;;
    esac
}

# Signed with ECDSA, because openssl, which verifies it, is on every Amazon Linux 2023,
# Debian and Ubuntu that speaks TLS. Nothing is unpacked before.
verify() {
    need openssl "to verify the signature" "apt-get install openssl, or dnf install openssl"
    [ -f "$key" ] || die "there is no public key to verify the release with ($key)" "--key FILE, from somebody you trust"
    openssl dgst -sha256 -verify "$key" -signature "$work/SHA256SUMS.sig" "$work/SHA256SUMS" >/dev/null 2>&1 ||
        die "the signature of SHA256SUMS is not by $key" "fetch the release again; do not install it"
    awk -v name="$1" '$2 == name || $2 == "*" name' "$work/SHA256SUMS" >"$work/one"
    [ -s "$work/one" ] || die "$1 is not in SHA256SUMS" "fetch the release again"
    (cd "$work" && sha256sum --check --status one) ||
        die "$1 is not what SHA256SUMS says" "fetch the release again; do not install it"
}

# A package goes where its manager puts it, with what is in it: nothing else can be asked of it.
check_package_options() {
    case $archive in *.deb | *.rpm) ;; *) return 0 ;; esac
    asked=''
    [ -z "$root" ] || asked="$asked --root"
    [ -z "$prefix" ] || asked="$asked --prefix"
    [ -z "$adopt" ] || asked="$asked --adopt-kubectl"
    [ -z "$agent" ] || asked="$asked --agent"
    [ -z "$sudoers" ] || asked="$asked --sudoers"
    [ -z "$shell_rc" ] || asked="$asked --shell-rc"
    [ -z "$asked" ] || die "a package is installed by this machine's own package manager, which knows no$asked" \
        "--from kubectl-envguard-VERSION-$(uname -m)-linux.tar.gz with the same options, or the package without"
}

package_verb() {
    if [ -n "$dry" ]; then echo "would be installed"; else echo "installing"; fi
}

take_release() {
    fetch SHA256SUMS
    fetch SHA256SUMS.sig
    fetch "$archive"
    verify "$archive"
    case $archive in
        *.deb)
            say "$(package_verb) by apt-get: $archive"
            # What a person has changed below /etc stays, and nobody is asked about it.
            [ -n "$dry" ] || apt-get install -y --allow-downgrades \
                -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$work/$archive"
            exit
            ;;
        *.rpm)
            say "$(package_verb) by dnf: $archive"
            [ -n "$dry" ] || dnf install -y "$work/$archive"
            exit
            ;;
    esac
    mkdir "$work/release"
    tar -xzf "$work/$archive" -C "$work/release" || die "$archive cannot be unpacked"
    from=$(echo "$work"/release/*)
    programs=$from/bin
    "$programs/kubectl-envguard" --version >/dev/null 2>&1 ||
        die "the programs of $archive do not run on this machine ($(uname -m), $(getconf GNU_LIBC_VERSION 2>/dev/null || echo 'no glibc'))" \
            "take the archive for this machine, or install from source"
}

# ---- install and uninstall ------------------------------------------------------------

check_system() {
    [ -r "$root/etc/os-release" ] || return 0
    # shellcheck disable=SC1091 # what it sets is read in this shell only
    name=$(. "$root/etc/os-release" && printf '%s:%s:%s' "${ID-}" "${VERSION_ID-}" "${ID_LIKE-}")
    case $name in
        amzn:2:*) die "Amazon Linux 2 has glibc 2.26 and is out of support: envguard needs Amazon Linux 2023, Debian 12 or Ubuntu 22.04" ;;
        amzn:2023:* | debian:* | ubuntu:* | *debian*) ;;
        *) say "install.sh: not tested on ${name%%:*}: Amazon Linux 2023, Debian and Ubuntu are" ;;
    esac
}

choose_place() {
    if [ -z "$prefix" ]; then
        prefix=/usr/local
        [ "$(id -u)" = 0 ] || [ -n "$root" ] || prefix=${HOME:?}/.local
        # The installed copy knows where it is.
        case $here in */lib/envguard) prefix=${here%/lib/envguard} prefix=${prefix#"$root"} ;; esac
    fi
    case $prefix in /*[!/]) ;; *) die "--prefix $prefix is no absolute path" ;; esac
    reach=system
    [ "$(id -u)" = 0 ] || [ -n "$root" ] || reach=user
    manifest=$root$prefix/lib/envguard/manifest
    make_work envguard-install
}

# The private directory of this run, gone when it ends: also when nobody reads on what
# is said (`| head`). A second Ctrl-C does not stop the cleaning up.
make_work() {
    work=''
    trap 'trap "" HUP INT PIPE TERM; [ -z "$work" ] || rm -rf "$work"' EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 141' PIPE
    trap 'exit 143' TERM
    work=$(mktemp -d "${TMPDIR:-/tmp}/$1.XXXXXX") ||
        die "no temporary directory can be made in ${TMPDIR:-/tmp}" "TMPDIR=/var/tmp ./install.sh"
}

install_all() {
    check_system
    if [ -n "$archive" ]; then take_release; else build_release; fi
    stage "$work/tree"
    describe_tree "$work/tree" >"$work/wanted"
    check_places
    [ ! -e "$manifest" ] || cp "$manifest" "$work/old"
    # First what is going to be there, together with what was: so --uninstall finds all of it
    # at any moment.
    listed '(dir|adopted|line)' >"$work/manifest"
    plan_directories
    plan_adoption
    plan_lines
    cat "$work/wanted" "$work/manifest" >"$work/final"
    [ ! -e "$work/old" ] || cat "$work/old" >>"$work/final"
    write_manifest "$work/final"
    make_directories
    adopt_kubectl
    place_all
    add_lines
    remove_outdated
    # What was kept has the hash of the version that it was made from: it stays "changed".
    cat "$work/wanted" "$work/manifest" >"$work/final"
    write_manifest "$work/final"
    [ -z "$dry" ] || {
        say "Nothing was done (--dry-run)."
        return 0
    }
    after_install
}

after_install() {
    [ -z "$root" ] || return 0
    if [ "$reach" = system ]; then
        if systemd_runs; then
            systemctl daemon-reload || :
            # The keeper goes on with the programs that are there now.
            systemctl try-restart 'envguard-watch@*.service' || :
        fi
        # Until the next start of the machine, when systemd makes it.
        mkdir -p /run/envguard
        chmod 1777 /run/envguard
    fi
    notes
    program=$prefix/bin/kubectl-envguard
    config=/etc/envguard/config.yaml
    [ "$reach" = system ] || [ -e "$config" ] || config=${XDG_CONFIG_HOME:-$HOME/.config}/envguard/config.yaml
    if [ -e "$config" ]; then
        # What only reads runs under any configuration.
        code=0
        "$program" check -- apply -f manifest.yaml >/dev/null 2>&1 || code=$?
        [ "$code" != 78 ] || say "The configuration $config is not one of this version: $program setup --migrate"
    elif [ -n "$setup" ] && [ -t 0 ] && [ -t 1 ]; then
        "$program" setup || say "It is installed; to set it up later: $program setup"
    else
        say "Next: $program setup"
    fi
}

# Whether this is a machine's own systemd, not an image's or a person's.
systemd_runs() {
    [ "$reach" = system ] && [ -z "$root" ] && [ -d /run/systemd/system ]
}

# The keeper's units of this installation that are enabled.
enabled_units() {
    systemd_runs || return 0
    for link in /etc/systemd/system/*.wants/envguard-*@*; do
        [ -L "$link" ] || continue
        unit=${link##*/}
        template=${unit%%@*}@.${unit##*.}
        ! is_ours "$prefix/lib/systemd/system/$template" || printf '%s\n' "$unit"
    done
}

# A keeper whose program is gone would go on from memory, and never end.
stop_keeper() {
    enabled_units | sort -u | while read -r unit; do
        say "stopped  $unit"
        [ -n "$dry" ] || systemctl disable --now "$unit" ||
            say "it may still run: systemctl disable --now $unit"
    done
}

# Whether a start file that --shell-rc would change reads the hook already.
shells_are_hooked() {
    start_files | while read -r file; do
        ! grep -qs '^[^#]*envguard' "$root$file" || echo "$file"
    done | grep -q .
}

notes() {
    shims=$prefix/lib/envguard/shims
    say ""
    say "Installed. New logins are guarded; shells that are open now are not."
    if [ "$reach" = user ]; then
        shells_are_hooked || say "  shells    eval \"\$($prefix/bin/kubectl-envguard hook bash)\" in ~/.bashrc (zsh: hook zsh), or --shell-rc"
    else
        shells_are_hooked || say "  shells    that are no login shells need a line: --shell-rc (docs: login.md)"
        [ -n "$sudoers" ] || say "  sudo      is not guarded until sudoers has (sudo visudo, or --sudoers): $(sudoers_line)"
        if [ -z "$agent" ]; then
            say "  sessions  of Session Manager: --agent"
        elif [ -n "$agent_changed" ]; then
            say "  sessions  systemctl restart amazon-ssm-agent"
        fi
    fi
    say "  cron      PATH=$shims:/usr/bin:/bin as the first line of the crontab"
}

# Checkouts from which the keeper has taken overlays.
tidied() {
    config=$root/etc/envguard/config.yaml
    [ -r "$config" ] || config=${XDG_CONFIG_HOME:-${HOME-}/.config}/envguard/config.yaml
    [ -r "$config" ] || return 0
    sed -n 's/^[[:space:]-]*[[:space:]{]path: *"\{0,1\}\([^",}]*\).*/\1/p' "$config" | while read -r pattern; do
        for top in $pattern; do
            git_dir=$(git -c safe.directory='*' -C "$top" rev-parse --absolute-git-dir 2>/dev/null) || continue
            [ ! -s "$git_dir/envguard/sparse.json" ] || printf '%s\n' "$top"
        done
    done
}

bring_overlays_back() {
    found=$(tidied)
    [ -n "$found" ] || return 0
    if [ -z "$undo" ] && [ -z "$dry" ] && [ -t 0 ] && [ -t 1 ]; then
        say "Overlays of other environments were taken off the disk in:"
        say "$found"
        printf 'Bring them back first? (yes/no) [no]: ' >&2
        read -r answer || answer=no
        case $answer in y | yes) undo=yes ;; esac
    fi
    if [ -n "$undo" ]; then
        say "Bringing back the overlays of other environments."
        [ -n "$dry" ] || "$root$prefix/bin/kubectl-envguard" tidy --undo ||
            die "not every overlay could be brought back; nothing was removed" "see the messages above"
        found=''
    fi
}

# At the end, where it is read, and with what works without the programs.
say_what_is_tidied() {
    [ -n "$found" ] || return 0
    say "Still tidied, and so without overlays of other environments; to bring them back:"
    printf '%s\n' "$found" | sed "s/'/'\\\\''/g;s/.*/  git -C '&' sparse-checkout disable/" >&2
    [ -z "$dry" ] || say "  or do not remove envguard without it: --uninstall --undo"
}

uninstall() {
    [ -e "$manifest" ] || [ -n "$root" ] || ! package_of_program >/dev/null ||
        die "$prefix/bin/kubectl-envguard belongs to a package" "apt-get remove kubectl-envguard, or dnf remove kubectl-envguard"
    [ -e "$manifest" ] || die "nothing is installed below $root$prefix" "name the place: --uninstall --prefix DIR"
    bring_overlays_back
    stop_keeper
    # kubectl first, and at once: whoever types it now gets the real one.
    give_kubectl_back
    remove_lines
    listed '(file|link)' | cut -d' ' -f3- | sort -u >"$work/placed"
    grep -v '/bin/kubectl-envguard$' "$work/placed" | while read -r path; do
        # What was moved aside stands there again.
        if [ "$path" = /usr/local/bin/kubectl ] && [ -n "$(listed adopted)" ]; then continue; fi
        remove "$path"
    done
    grep '/bin/kubectl-envguard$' "$work/placed" | while read -r path; do
        remove "$path"
    done
    listed dir | sort -r >"$work/directories"
    [ -z "$dry" ] || {
        say_what_is_tidied
        say "Nothing was done (--dry-run)."
        return 0
    }
    rm -f "$manifest" "$manifest.envguard-new"
    while read -r _ _ path; do
        rmdir "$root$path" 2>/dev/null || :
    done <"$work/directories"
    ! systemd_runs || systemctl daemon-reload || :
    say "Removed. What the programs have written is kept: configuration, audit log, caches."
    say "What was put aside stays in each checkout's git directory, below envguard/quarantine."
    still_there
    say_what_is_tidied
}

# What was written while it was in use, and may be removed by hand.
still_there() {
    for left in "$root/etc/envguard" "$root/var/log/envguard" "$root/var/lib/envguard"; do
        [ ! -e "$left" ] || say "  $left"
    done
    ! grep -q 'directory = ' "$root/etc/gitconfig" 2>/dev/null ||
        say "  $root/etc/gitconfig: git config --system --get-all safe.directory    # setup adds checkouts"
    [ -z "$root" ] || return 0
    for left in "${XDG_CONFIG_HOME:-${HOME-}/.config}" "${XDG_CACHE_HOME:-${HOME-}/.cache}" \
        "${XDG_STATE_HOME:-${HOME-}/.local/state}"; do
        [ ! -e "$left/envguard" ] || say "  $left/envguard"
    done
    say "  .cache/envguard and .local/state/envguard of everybody else who has used it"
}

# ---- the command line ---------------------------------------------------------------

needs_value() {
    [ -n "${2-}" ] || die "$1 needs a value" "./install.sh --help"
}

choose_release() {
    [ -z "$version" ] || {
        [ -n "$releases" ] || die "--version needs --releases, the directory or address of the releases"
        archive=kubectl-envguard-$version-$(uname -m)-linux.tar.gz
    }
    case $releases in
        "" | https://*) ;;
        *://*) die "releases are fetched over https:// only" ;;
    esac
}

main() {
    here=$(dirname "$(readlink -f "$0")")
    action=install prefix='' root='' dry='' adopt='' agent='' sudoers='' shell_rc='' undo='' setup=yes
    programs='' archive='' version='' releases=${ENVGUARD_RELEASES-} key=$here/deploy/release-key.pem
    umask 022
    case " $* " in *' --try'*) hide_real_instance "$@" ;; esac
    while [ $# -gt 0 ]; do
        case $1 in
            --try | --try=develop) action=try environment=develop ;;
            --try=production) action=try environment=production ;;
            --try=*) die "there is no demo of ${1#--try=}" "--try=develop, or --try=production" ;;
            --uninstall) action=uninstall ;;
            --stage) needs_value "$@" && action=stage tree=$2 && shift ;;
            --dry-run) dry=yes ;;
            --adopt-kubectl) adopt=yes ;;
            --agent) agent=yes ;;
            --sudoers) sudoers=yes ;;
            --shell-rc) shell_rc=yes ;;
            --undo) undo=yes ;;
            --no-setup) setup='' ;;
            --prefix) needs_value "$@" && prefix=${2%/} && shift ;;
            --root) needs_value "$@" && root=$(readlink -f "$2") && root=${root%/} && shift ;;
            --programs) needs_value "$@" && programs=$2 && shift ;;
            --key) needs_value "$@" && key=$2 && shift ;;
            --version) needs_value "$@" && version=${2#v} && shift ;;
            --releases) needs_value "$@" && releases=${2%/} && shift ;;
            --from) needs_value "$@" && archive=${2##*/} releases=$(dirname "$2") && shift ;;
            -h | --help)
                usage
                exit
                ;;
            *)
                say "install.sh: error: there is no option $1"
                usage >&2
                exit 64
                ;;
        esac
        shift
    done
    choose_release
    [ "$action" != try ] || {
        try_out
        exit
    }
    [ "$action" != install ] || check_package_options
    choose_place
    case $action in
        install) install_all ;;
        uninstall) uninstall ;;
        stage)
            build_release
            stage "$tree"
            ;;
    esac
}

main "$@"

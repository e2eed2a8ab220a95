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
#                     (after a package, too: /usr/lib/envguard/install.sh --agent)
#   --undo            with --uninstall: bring back the overlays that were tidied away
#   --no-setup        do not ask anything afterwards
#   --key FILE        the public key of the releases; it is kept for the next one
#   --root DIR        install below DIR: for images
#   --programs DIR    take the programs that were built there before
#
# Nothing is written before a release's signature was verified. A file is replaced
# whole: interrupted at any moment, what was there before still works, and running it
# again finishes. The configuration, the audit log and what was put aside stay.

set -eu

say() { printf '%s\n' "$*" >&2; }

complain() {
    say "install.sh: error: $1"
    [ -z "${2-}" ] || say "  instead   $2"
}

die() {
    complain "$@"
    exit 1
}

# What was typed cannot be meant so: nothing is looked at.
misuse() {
    complain "$@"
    exit 64
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
    say "Building envguard and a stand-in for an API server (some minutes, once) ..."
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
            archive=${archive##*/} releases=$here
        fi
    fi
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

# stage TREE: lays out below TREE what is installed, as it will stand.
stage() {
    drop_in=/etc/systemd/system/amazon-ssm-agent.service.d
    mkdir -p "$1"
    # What a package has placed is there.
    [ -n "$packaged" ] || stage_listed "$1"
    [ "$reach" != system ] || stage_asked "$1"
}

# What deploy/files lists.
stage_listed() {
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
            key) stage_key "$from/$source" "$1$place" || continue ;;
            link) ln -sf "$source" "$1$place" ;;
            *) die "deploy/files has an entry of the kind $kind" ;;
        esac
        [ "$kind" = link ] || chmod "$mode" "$1$place"
    done <"$from/deploy/files"
}

# With what the next release is verified: the key that this one brings, else the one that
# it was verified with, else the one that is there.
stage_key() {
    for candidate in "$1" "$key" "$root$prefix/lib/envguard/release-key.pem"; do
        [ -f "$candidate" ] || continue
        cp "$candidate" "$2"
        return
    done
    return 1
}

# What was asked for; and what was once asked for an upgrade keeps.
stage_asked() {
    if [ -n "$agent" ] || is_ours "$drop_in/envguard.conf"; then
        agent=yes
        mkdir -p "$1$drop_in"
        unit=$root$prefix/lib/envguard/amazon-ssm-agent.conf
        [ -n "$packaged" ] || unit=$from/shell/systemd/amazon-ssm-agent.conf
        with_prefix "$unit" >"$1$drop_in/envguard.conf"
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

# The last secure_path for everybody that others than this installer have written.
secure_path() {
    sudoers_defaults /etc/sudoers '' | sed -nE \
        -e 's/^(.*[,[:space:]])?secure_path[[:space:]]*=[[:space:]]*"([^"]*)".*/\2/p;t' \
        -e 's/^(.*[,[:space:]])?secure_path[[:space:]]*=[[:space:]]*([^",[:space:]]+).*/\2/p' |
        tail -n 1 | sed "s|^$prefix/lib/envguard/shims:||"
}

# sudoers_defaults FILE ABOVE: what its lines `Defaults` say, and in their places what the
# files say that it includes. A file that is among those ABOVE it is a circle.
sudoers_defaults() (
    case $1:$2 in /etc/sudoers.d/envguard:* | *:*"|$1|"*) exit 0 ;; esac
    [ -r "$root$1" ] || exit 0
    LC_ALL=C
    export LC_ALL
    # A line that ends with a backslash goes on.
    sed -e :a -e '/\\$/N' -e 's/\\\n//' -e ta "$root$1" | while read -r word rest; do
        case $word in
            Defaults) printf '%s\n' "$rest" ;;
            [@#]include) sudoers_defaults "$(included "$rest" "$1")" "$2|$1|" ;;
            [@#]includedir)
                for file in "$root$(included "$rest" "$1")"/*; do
                    # sudo passes over names with a dot in them, and those that end in ~.
                    case ${file##*/} in *.* | *~) continue ;; esac
                    [ ! -f "$file" ] || sudoers_defaults "${file#"$root"}" "$2|$1|"
                done
                ;;
        esac
    done
)

# included NAME FILE: the place that FILE calls so (sudoers(5): %h is this host).
included() {
    name=$(printf '%s\n' "$1" | sed -e 's/^"\(.*\)"$/\1/' -e 's/\\\(.\)/\1/g' -e "s/%h/$(uname -n | cut -d. -f1)/g")
    case $name in
        /*) printf '%s\n' "$name" ;;
        *) printf '%s\n' "${2%/*}/$name" ;;
    esac
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

# Of the deb: db:Status-Status is installed, or config-files when it was removed and its
# files below /etc have stayed; Conffiles are these.
deb_field() {
    dpkg-query --admindir="$root/var/lib/dpkg" --show --showformat="\${$1}\n" kubectl-envguard 2>/dev/null
}

# Two installations would take turns on PATH.
check_packages() {
    [ "$reach" = system ] && [ -z "$packaged" ] || return 0
    [ "$(deb_field db:Status-Status)" != installed ] ||
        die "the package kubectl-envguard is installed" \
            "upgrade it, --from a deb, or first: ${SUDO_USER:+sudo }apt-get purge kubectl-envguard"
    [ -z "$root" ] && command -v rpm >/dev/null 2>&1 && rpm -q kubectl-envguard >/dev/null 2>&1 || return 0
    die "the package kubectl-envguard is installed" \
        "upgrade it, --from an rpm, or first: ${SUDO_USER:+sudo }dnf remove kubectl-envguard"
}

# Something else that stands in the way is found before anything is written.
check_places() {
    check_packages
    while read -r kind what path; do
        if [ ! -e "$root$path" ] && [ ! -L "$root$path" ]; then continue; fi
        if still_is "$kind" "$what" "$path" || is_ours "$path"; then continue; fi
        [ "$path" != /usr/local/bin/kubectl ] || [ -z "$adopt" ] || continue
        printf '%s\n' "$path"
    done <"$work/wanted" >"$work/others"
    [ ! -s "$work/others" ] || refuse_others
}

# What a removed deb has left it takes away itself; anything else is moved aside.
refuse_others() {
    : >"$work/left"
    if [ "$(deb_field db:Status-Status)" = config-files ]; then
        deb_field Conffiles | awk '{ print $1 }' | grep -xF -f - "$work/others" >"$work/left" || :
    fi
    grep -vxF -f "$work/left" "$work/others" >"$work/strangers" || :
    remedy=''
    if [ -s "$work/left" ]; then
        remedy="${SUDO_USER:+sudo }dpkg ${root:+--root=$(quoted "$root") }--purge kubectl-envguard"
    fi
    if [ -s "$work/strangers" ]; then
        names=$(while read -r path; do printf ' %s' "$(quoted "$root$path")"; done <"$work/strangers")
        remedy="${remedy:+$remedy; }for f in$names; do ${SUDO_USER:+sudo }mv \"\$f\" \"\$f.old\"; done"
    fi
    all=$(sed "s|^|$root|" "$work/others" | tr '\n' ' ')
    if [ -s "$work/strangers" ]; then
        die "not from this installer, and in its way: ${all% }" "$remedy"
    fi
    die "the package kubectl-envguard was removed, and has left in the way: ${all% }" "$remedy"
}

# As a shell reads it back.
quoted() {
    case $1 in
        *[!A-Za-z0-9/._@+-]*) printf "'%s'" "$(printf '%s\n' "$1" | sed "s/'/'\\\\''/g")" ;;
        *) printf '%s' "$1" ;;
    esac
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
    if [ -n "$packaged" ]; then
        [ -n "$agent$sudoers$shell_rc$adopt" ] || [ -e "$manifest" ] ||
            die "the package has placed everything that needs no asking for" "--agent, --sudoers, --shell-rc, --adopt-kubectl"
        return 0
    fi
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
    find_cargo
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

# Who has called sudo has Rust at home, where root's PATH does not lead, or only to an older one.
find_cargo() {
    home=''
    if [ "$(id -u)" = 0 ] && [ -n "${SUDO_UID-}" ] && [ "$SUDO_UID" != 0 ]; then
        home=$(getent passwd "$SUDO_UID" | cut -d: -f6)
        [ ! -x "$home/.cargo/bin/cargo" ] || return 0
        home=''
    fi
    need cargo "to build the programs" "install Rust (https://rustup.rs), or --from a release"
}

# It is that person, then, who builds: what root builds in somebody's source is in the way later.
build() {
    how=$1
    shift
    set -- cargo "$how" --quiet --locked --release --target-dir "$target" "$@"
    [ -z "$home" ] || set -- setpriv --reuid="$SUDO_UID" --regid="${SUDO_GID:?}" --init-groups \
        env HOME="$home" PATH="$home/.cargo/bin:$PATH" "$@"
    (cd "$here" && "$@")
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

# A package goes where its manager puts it, with what is in it.
check_package_options() {
    case $archive in *.deb | *.rpm) ;; *) return 0 ;; esac
    [ -z "$root$prefix" ] ||
        misuse "a package is installed by this machine's own package manager, which knows no --root and no --prefix" \
            "--from kubectl-envguard-VERSION-$(uname -m)-linux.tar.gz with the same options"
    asked="${adopt:+ --adopt-kubectl}${agent:+ --agent}${sudoers:+ --sudoers}${shell_rc:+ --shell-rc}"
    [ -z "$asked" ] || misuse "a package is installed by this machine's own package manager, which knows no$asked" \
        "the same line without, and then ${SUDO_USER:+sudo }/usr/lib/envguard/install.sh$asked"
}

# Whether this is the copy that a package has placed: the program is there, and in no manifest.
is_packaged_copy() {
    case $here in */lib/envguard) ;; *) return 1 ;; esac
    [ -x "${here%/lib/envguard}/bin/kubectl-envguard" ] &&
        ! grep -qs '^file [^ ]* .*/bin/kubectl-envguard$' "$here/manifest"
}

# A package is followed by a package.
archive_of() {
    if is_packaged_copy && owner=$(dpkg -S "$here/install.sh" 2>/dev/null); then
        echo "${owner%%:*}_$1_$(dpkg --print-architecture).deb"
    elif is_packaged_copy && owner=$(rpm -qf --queryformat '%{name}' "$here/install.sh" 2>/dev/null); then
        echo "$owner-$1-1.$(uname -m).rpm"
    else
        echo "kubectl-envguard-$1-$(uname -m)-linux.tar.gz"
    fi
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
    case $prefix in /*[!/]) ;; *) misuse "--prefix $prefix is no absolute path" "--prefix $PWD/$prefix" ;; esac
    reach=system
    [ "$(id -u)" = 0 ] || [ -n "$root" ] || reach=user
    manifest=$root$prefix/lib/envguard/manifest
    packaged=''
    [ "$root$prefix/lib/envguard" != "$here" ] || ! is_packaged_copy || packaged=yes
    [ "$reach" = system ] || check_reach
    make_work envguard-install
}

# What concerns everybody on the machine only root can do.
check_reach() {
    asked="${adopt:+ --adopt-kubectl}${agent:+ --agent}${sudoers:+ --sudoers}"
    [ -z "$asked" ] || misuse "only root can do what$asked asks for" "sudo $0$asked"
    [ -z "$packaged" ] || die "the package is the whole machine's, and only root adds to it" \
        "sudo $0 …; for your own shells: eval \"\$($prefix/bin/kubectl-envguard hook bash)\" in ~/.bashrc (zsh: hook zsh)"
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

# What sudo itself says of the path that it gives.
sudo_is_guarded() {
    [ "$(id -u)" = 0 ] && command -v sudo >/dev/null 2>&1 || return 0
    LC_ALL=C sudo -V 2>/dev/null | grep -qF "PATH with: $prefix/lib/envguard/shims:"
}

notes() {
    shims=$prefix/lib/envguard/shims
    say ""
    if [ -n "$packaged" ]; then
        say "Added to the package. To take it away again: ${SUDO_USER:+sudo }$here/install.sh --uninstall"
    else
        say "Installed. New logins are guarded; shells that are open now are not."
    fi
    if [ "$reach" = user ]; then
        shells_are_hooked || say "  shells    eval \"\$($prefix/bin/kubectl-envguard hook bash)\" in ~/.bashrc (zsh: hook zsh), or --shell-rc"
    else
        shells_are_hooked || say "  shells    that are no login shells need a line: --shell-rc (docs: login.md)"
        if [ -z "$sudoers" ]; then
            say "  sudo      is not guarded until sudoers has (sudo visudo, or --sudoers): $(sudoers_line)"
        elif ! sudo_is_guarded; then
            say "  sudo      is not guarded: sudoers reads no /etc/sudoers.d, or states secure_path again behind it (sudo visudo)"
        fi
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
    found=''
    [ -n "$packaged" ] || bring_overlays_back
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
    [ -z "$packaged" ] || {
        say "Removed what was added to the package."
        return 0
    }
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
    [ -n "${2-}" ] || misuse "$1 needs a value" "./install.sh --help"
}

choose_release() {
    [ -z "$named" ] || [ -z "$version" ] ||
        misuse "--from and --version both name a release" "--from $named, or --version $version --releases DIR-OR-URL"
    [ -z "$named" ] || [ -z "$releases" ] ||
        misuse "--from names a file, and --releases where others are" "--from $named, with SHA256SUMS beside it"
    [ -z "$named$version" ] || [ -z "$programs" ] ||
        misuse "a release brings its programs, so there are none to take from $programs" "leave --programs out"
    releases=${releases:-${ENVGUARD_RELEASES-}}
    if [ -n "$named" ]; then
        archive=${named##*/} releases=$(dirname "$named")
    elif [ -n "$version" ]; then
        [ -n "$releases" ] ||
            misuse "--version needs to know where the releases are" "--version $version --releases DIR-OR-URL"
        archive=$(archive_of "$version")
    fi
    case $releases in
        "" | https://*) ;;
        *://*) misuse "releases are fetched over https:// only" "--releases https://${releases#*://}" ;;
    esac
}

main() {
    here=$(dirname "$(readlink -f "$0")")
    action=install prefix='' root='' dry='' adopt='' agent='' sudoers='' shell_rc='' undo='' setup=yes
    programs='' archive='' named='' version='' releases='' key=$here/deploy/release-key.pem
    # The installed copy has it beside itself.
    [ -e "$here/deploy/files" ] || key=$here/release-key.pem
    umask 022
    case " $* " in *' --try'*) hide_real_instance "$@" ;; esac
    while [ $# -gt 0 ]; do
        case $1 in
            --try | --try=develop) action=try environment=develop ;;
            --try=production) action=try environment=production ;;
            --try=*) misuse "there is no demo of ${1#--try=}" "--try=develop, or --try=production" ;;
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
            --from) needs_value "$@" && named=$2 && shift ;;
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

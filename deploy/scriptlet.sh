# shellcheck shell=sh
# What the deb and the rpm do besides placing files. deploy/packages puts this in front
# of one call for each moment. The configuration, the audit log and what the keeper has put
# aside are no package's business: nothing here removes them.

link=/usr/local/bin/kubectl
added=/usr/lib/envguard/manifest
installer=/usr/lib/envguard/install.sh
shim=/usr/lib/envguard/shims/kubectl

# Two installations would take turns on PATH.
before_install() {
    [ ! -e /usr/local/lib/envguard/manifest ] || {
        echo "envguard is installed in /usr/local, not by a package. First (its configuration and log stay):" >&2
        echo "  /usr/local/lib/envguard/install.sh --uninstall" >&2
        exit 1
    }
}

after_install() {
    mkdir -p /var/log/envguard /var/lib/envguard /run/envguard
    chmod 1733 /var/log/envguard
    chmod 1777 /run/envguard
    # What is no login shell finds the guard by this name, where it is free.
    if [ ! -e "$link" ] && [ ! -L "$link" ]; then
        mkdir -p "${link%/*}"
        ln -s "$shim" "$link"
    fi
    # What somebody has added to the package (--agent and the like) as this version has it.
    [ ! -e "$added" ] || sh "$installer" --no-setup </dev/null || :
    if [ -d /run/systemd/system ]; then
        systemctl daemon-reload || :
        systemctl try-restart 'envguard-watch@*.service' || :
    fi
    [ -e /etc/envguard/config.yaml ] || echo "envguard: next: kubectl-envguard setup" >&2
}

# The name kubectl goes first: whoever types it now gets the real one.
before_removal() {
    [ ! -e "$added" ] || sh "$installer" --uninstall </dev/null
    [ "$(readlink "$link" 2>/dev/null)" != "$shim" ] || rm -f "$link"
    [ ! -d /run/systemd/system ] || for unit in /etc/systemd/system/*.wants/envguard-*@*; do
        [ ! -L "$unit" ] || systemctl disable --now "${unit##*/}" || :
    done
    [ ! -e /etc/envguard/config.yaml ] || {
        echo "envguard: checkouts that are tidied stay so; to bring overlays back: git sparse-checkout disable, in each" >&2
    }
}

after_removal() {
    [ ! -d /run/systemd/system ] || systemctl daemon-reload || :
}

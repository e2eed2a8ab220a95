#!/bin/sh
# Runs a script in a root of its own: everything this machine has can be read, what is written stays in a layer.
#   unshare --mount --net --pid --fork sh scratch.sh WORK
# WORK/seed is laid over the root, WORK/mounts/NAME appears as /opt/NAME, and WORK/script runs. Afterwards:
# WORK/code, WORK/console (what went to /dev/console), WORK/upper (every file that was written).
set -eu
work=$1
mount --make-rprivate /
mount -t tmpfs none "$work/layer"
mkdir "$work/layer/upper" "$work/layer/work" "$work/layer/root"
cp -a "$work/seed/." "$work/layer/upper/"
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/layer/upper,workdir=$work/layer/work" "$work/layer/root"
root=$work/layer/root
mount -t proc proc "$root/proc"
mount -t tmpfs none "$root/dev"
mount -t tmpfs none "$root/tmp"
chmod 1777 "$root/tmp"
for device in null zero random urandom; do
    : >"$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkfifo "$root/dev/console"
exec 9<>"$root/dev/console"
cat <&9 >"$work/console" &
for given in "$work"/mounts/*; do
    mkdir -p "$root/opt/${given##*/}"
    mount --bind "$(readlink -f "$given")" "$root/opt/${given##*/}"
done
code=0
env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
    chroot "$root" sh <"$work/script" >"$work/output" 2>&1 9>&- || code=$?
echo "$code" >"$work/code"
echo END >&9
until grep -q '^END$' "$work/console"; do :; done
cp -a "$work/layer/upper" "$work/upper"

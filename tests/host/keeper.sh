#!/bin/sh
# Boots one throw-away server and boots it again when it asks for a reboot, as a machine would.
# usage: keeper.sh ROOT SIZE [CGROUP...] -- ARGUMENT-OF-SYSTEMD-NSPAWN...
#
# It runs in a mount namespace of its own, so that nothing is left when it ends, however it ends:
# what the server writes lies in a tmpfs of SIZE over ROOT, and goes with the namespace.
set -eu

root=$1 size=$2
shift 2
# Each server in a control group of its own: two that shared one would share their units' groups.
while [ "$1" != -- ]; do
    echo $$ >"$1/cgroup.procs"
    shift
done
shift

case $size in
/*) mount --bind "$size" /mnt ;; # memory is measured: what it writes lies on disk
*) mount -t tmpfs -o "mode=0755,size=$size" server /mnt ;;
esac
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay overlay -o "lowerdir=$root,upperdir=/mnt/upper,workdir=/mnt/work" /mnt/root

# On the older kind of control groups, systemd-nspawn mounts memory and pids read-only: then no
# limit of a unit would hold.
# shellcheck disable=SC2016
boot='for held in memory pids; do
    mount -o remount,rw,bind "/sys/fs/cgroup/$held" 2>/dev/null || true
done
exec /lib/systemd/systemd'

again=yes
trap 'again=yes' USR1 # its power is about to be cut
while [ -n "$again" ]; do
    again='' status=0
    setpriv --pdeathsig KILL systemd-nspawn --quiet --directory=/mnt/root --register=no \
        --keep-unit --private-network --resolv-conf=off --timezone=off --link-journal=no \
        --console=pipe "$@" /bin/sh -c "$boot" </dev/null || status=$?
    [ "$status" != 133 ] || again=yes # systemd-nspawn(1): it asked for a reboot
done
exit "$status"

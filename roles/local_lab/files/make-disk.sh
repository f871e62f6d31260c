#!/bin/sh
# make-disk.sh ROOT DISK SIZE_GIB HOSTNAME ADDRESS/PREFIX GATEWAY plain|bridged [PREPARED]
# Writes the Debian root, with the files of this machine added, into one ext4 disk image. PREPARED is the folder of a
# container that ran on this root and has ended: what it changed is added too.
# The overlay lives in a mount namespace of this script: nothing stays mounted, however it ends.
set -eu
root=$1 disk=$2 size_gib=$3 hostname=$4 address=$5 gateway=$6 network=$7 prepared=${8:-}
work=$disk.work

rm -rf "$work" "$disk.partial"
mkdir -p "$work/own/etc/systemd/network" "$work/own/etc/systemd/system/multi-user.target.wants" "$work/merged"
echo "$hostname" >"$work/own/etc/hostname"
printf '127.0.0.1 localhost\n%s %s\n' "${address%/*}" "$hostname" >"$work/own/etc/hosts"
echo '/dev/vda / ext4 defaults,noatime 0 0' >"$work/own/etc/fstab"
networks=$work/own/etc/systemd/network
addressed=eth0
if [ "$network" = bridged ]; then
    # Guests join br0, which has the machine's address. The address of the card stays the bridge's.
    addressed=br0
    printf '[NetDev]\nName=br0\nKind=bridge\nMACAddress=none\n[Bridge]\nSTP=false\nForwardDelaySec=0\n' >"$networks/10-br0.netdev"
    printf '[Match]\nOriginalName=br0\n[Link]\nMACAddressPolicy=none\n' >"$networks/10-br0.link"
    printf '[Match]\nName=eth0\n[Network]\nBridge=br0\n' >"$networks/10-eth0.network"
    # Docker drops what is forwarded, and has the packets of bridges pass its firewall too: no guest would be reached.
    mkdir -p "$work/own/etc/systemd/system/docker.service.d"
    printf '[Service]\nExecStartPost=/sbin/sysctl --quiet net.bridge.bridge-nf-call-iptables=0\n' \
        >"$work/own/etc/systemd/system/docker.service.d/unilab-bridge.conf"
    # Interrupts belong to the host's own work, on the first CPU. The network card's driver spreads its own over all,
    # whatever the kernel's irqaffinity= is; those of the disk are the kernel's and stay.
    printf '[Unit]\nAfter=network.target\n[Service]\nType=oneshot\nExecStart=/bin/sh -c "%s"\n' \
        'for file in /proc/irq/*/smp_affinity_list; do echo 0 > $$file; done 2> /dev/null; :' \
        >"$work/own/etc/systemd/system/unilab-interrupts.service"
    ln -s ../unilab-interrupts.service "$work/own/etc/systemd/system/multi-user.target.wants/"
fi
printf '[Match]\nName=%s\n[Network]\nAddress=%s\nGateway=%s\n' "$addressed" "$address" "$gateway" \
    >"$networks/20-$addressed.network"
ln -s /lib/systemd/system/systemd-networkd.service "$work/own/etc/systemd/system/multi-user.target.wants/"

unshare --mount --propagation=private sh -euc '
    mount -t overlay unilab -o "lowerdir=$1/own:${5:+$5/upper:}$2" "$1/merged"
    # The engine has its images in a folder of its own.
    test -z "$5" || mount --bind "$5/docker" "$1/merged/var/lib/docker"
    mke2fs -q -t ext4 -L root -d "$1/merged" "$3" "$4G"
' sh "$work" "$root" "$disk.partial" "$size_gib" "$prepared"
rm -rf "$work"
mv "$disk.partial" "$disk"

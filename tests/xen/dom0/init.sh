#!/bin/sh
# Process 1 of the dom0: it starts the services that a service manager would, with a tenth of the instructions.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
say() { echo "dom0: $(cut -d' ' -f1 /proc/uptime) s: $*"; }

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev 2>/dev/null
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run
mkdir -p /run/lock /run/sshd
say "Linux $(uname -r) runs"

modprobe -a virtio_net xen-netback tun bridge
ip link set lo up
# The address in QEMU's user-mode network; the host forwards a port to sshd here, and there is no other connection.
ip address add 10.0.2.15/24 dev eth0
ip link set eth0 up
ip link add xenbr0 type bridge
ip address add 10.79.0.1/24 dev xenbr0
ip link set xenbr0 up
/usr/sbin/sshd
say "sshd listens"

/etc/init.d/xen start
say "Xen's daemons run"
xl list && echo unilab-dom0-ready
while :; do sleep 1000; done

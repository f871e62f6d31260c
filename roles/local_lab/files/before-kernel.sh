#!/bin/sh
# Runs before the packages are installed: the initial RAM disk gets the modules that docker-host
# boots with and no others, for an emulated CPU unpacks it slowly.
set -eu
mkdir -p "$1/etc/initramfs-tools/conf.d"
echo 'MODULES=list' >"$1/etc/initramfs-tools/conf.d/unilab"
printf 'virtio_pci\nvirtio_blk\next4\n' >"$1/etc/initramfs-tools/modules"

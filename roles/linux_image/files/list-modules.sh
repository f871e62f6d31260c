#!/bin/sh
# Write modules.dep of each kernel below the folder $1, with the depmod that came with it.
set -eu
for kernel in "$1"/lib/modules/*; do
    chroot "$1" /sbin/depmod "${kernel##*/}"
done

"""What a Linux guest boots from: kernel, initramfs, root and boot disks."""

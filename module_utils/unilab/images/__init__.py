"""What an instance boots from: trees, file systems, disks, kernels and archives, written in pure Python."""

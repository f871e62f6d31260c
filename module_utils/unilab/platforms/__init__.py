"""What runs an instance: Docker, QEMU, XenServer. Start and stop, caps, memory, accelerator."""

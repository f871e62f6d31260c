"""The one-machine laboratory: network namespaces, the network between them, systemd-nspawn machines."""

#!/bin/sh
# Makes the fresh root one that boots as a container and as a guest, and that Ansible can log in to.
set -eu
root=$1

# The login: one key for all machines, and one host key that the controller knows in advance.
mkdir -p -m 0700 "$root/root/.ssh"
cp "$UNILAB_SSH/id.pub" "$root/root/.ssh/authorized_keys"
rm -f "$root"/etc/ssh/ssh_host_*
install -m 0600 "$UNILAB_SSH/host" "$root/etc/ssh/ssh_host_ed25519_key"
install -m 0644 "$UNILAB_SSH/host.pub" "$root/etc/ssh/ssh_host_ed25519_key.pub"
printf 'UseDNS no\nMaxSessions 50\n' >"$root/etc/ssh/sshd_config.d/unilab.conf"

# Packages for the machines, which have no way out.
mkdir -p "$root/srv/packages"
chroot "$root" sh -c "cd /srv/packages && apt-get -qq download $UNILAB_REPOSITORY"
(cd "$root/srv/packages" && dpkg-scanpackages --multiversion . >Packages 2>/dev/null)
rm -f "$root"/etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/srv/packages ./' >"$root/etc/apt/sources.list"

# Roles start what they install; a machine that nobody gave a role runs nothing.
chroot "$root" systemctl --quiet disable docker.service docker.socket containerd.service
chroot "$root" systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
    e2scrub_all.timer fstrim.timer systemd-timesyncd.service systemd-resolved.service getty@tty1.service

# In a container on a cgroup v1 host the controllers are mounted read-only; Docker needs to write.
cat >"$root/etc/systemd/system/unilab-cgroup-v1.service" <<'UNIT'
[Unit]
Description=Let Docker write to the cgroup v1 controllers
ConditionVirtualization=container
ConditionPathExists=/sys/fs/cgroup/memory
DefaultDependencies=no
Before=docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'for controller in /sys/fs/cgroup/*/; do mount -o remount,bind,rw "$controller" || true; done'

[Install]
WantedBy=multi-user.target
UNIT
chroot "$root" systemctl --quiet enable unilab-cgroup-v1.service

: >"$root/etc/machine-id"
# Each machine is named by who starts it; this file, copied from the host, would name them all alike.
rm -f "$root/etc/hostname"
echo 'nameserver 127.0.0.1' >"$root/etc/resolv.conf"

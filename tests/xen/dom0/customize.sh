#!/bin/sh
# mmdebstrap's customize hook: turns the root into a dom0 with sshd and without systemd.
set -eu
root=$1
here=$(dirname "$0")

install -m 0755 "$here/init.sh" "$root/sbin/unilab-dom0"
install -d -m 0700 "$root/root/.ssh"
install -m 0600 "$UNILAB_SSH_KEY.pub" "$root/root/.ssh/authorized_keys"
printf 'UseDNS no\n' >"$root/etc/ssh/sshd_config.d/unilab.conf"
echo dom0 >"$root/etc/hostname"
printf '127.0.0.1 localhost dom0\n' >"$root/etc/hosts"
# The project's code imports its module_utils by Ansible's name; Ansible itself is not installed here.
install -d "$root/srv/unilab" "$root/usr/lib/python3/dist-packages/ansible/module_utils"
touch "$root/usr/lib/python3/dist-packages/ansible/__init__.py" \
    "$root/usr/lib/python3/dist-packages/ansible/module_utils/__init__.py"
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*

"""A program in the place of ssh that reaches this machine: shared connection, sockets and shell.

Ways in which the real one fails are asked for by the target's name: ``closed`` takes no login.
"""

from __future__ import annotations

from pathlib import Path

PROGRAM = r"""#!/bin/sh
# Words as SshHost gives them: options, then a control command or -f -N, then the target, then sh.
control= ; forward= ; background=
while [ "${1#-}" != "$1" ]; do
  case $1 in
    -O) control=$2; shift 2 ;;
    -L) forward=$2; shift 2 ;;
    -o | -i | -l) shift 2 ;;
    -f) background=1; shift ;;
    *) shift ;;
  esac
done
target=$1; shift
echo "$control$background $target $*" >> "{log}"
if [ "$target" = closed ]; then echo "Permission denied (publickey)." >&2; exit 255; fi
case $control in
  check) [ -e "{state}" ]; exit ;;
  forward) ln -s "${forward#*:}" "${forward%%:*}"; exit ;;
  cancel) rm -f "${forward%%:*}"; exit ;;
esac
if [ -n "$background" ]; then : > "{state}"; exit; fi
exec "$@"
"""


def ssh_double(folder: Path) -> list[str]:
    """The command of the double, without a target. What it was asked is in ``folder``/ssh.log."""
    program = folder / "ssh"
    program.write_text(
        PROGRAM.replace("{log}", str(folder / "ssh.log")).replace("{state}", str(folder / "connected"))
    )
    program.chmod(0o755)
    return [str(program), "-o", "ControlPath=x"]


def asked(folder: Path) -> list[str]:
    """What the double was asked, one line a command."""
    return [line.strip() for line in (folder / "ssh.log").read_text().splitlines()]

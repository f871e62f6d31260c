"""What was applied to a host before: one stamp for each role, kept on the host itself.

/var/lib/unilab/prepared/NAME.json   machine, boot, hash of the inputs, facts; written last, by a rename
/var/lib/unilab/prepared/NAME.files  files of the host that must not change, one path per line
/var/lib/unilab/prepared/NAME.seen   their size, time of change and path when the stamp was written (stat(1))

A stamp is trusted on the machine that it was written on (machine-id(5)), while the hash of the inputs is the
same and no file of its list has changed. A stamp of a boot is trusted in that boot only
(/proc/sys/kernel/random/boot_id, random(4)). Reading takes one shell command: on an emulated host, each start
of Python takes seconds.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

FOLDER = "/var/lib/unilab/prepared"
# A container may have no machine-id; it then has its host name.
_MACHINE = "$(cat /etc/machine-id 2>/dev/null || cat /proc/sys/kernel/hostname)"
_QUIET = "/var/lib/unilab/quiet.json"

# Code that all roles use. A change of it may change what any role does.
_SHARED_CODE = (
    *("library", "module_utils", "action_plugins", "filter_plugins", "contracts"),
    "playbooks/tasks/known_system.yml",
)
_SEEN = "xargs --no-run-if-empty --delimiter='\\n' stat --dereference --format='%s %Y %n'"


class Stamp(BaseModel):
    """One stamp. ``inputs``: hash of what the role used; ``facts``: those that it set, by name."""

    model_config = ConfigDict(extra="forbid")

    name: str
    machine: str
    boot: str
    inputs: str
    facts: dict[str, Any]


class Reading(BaseModel):
    """What a host has of its preparation.

    Attributes:
        machine, boot: its machine-id and boot_id.
        quiet: whether a campaign has held packages and stopped units, and they were not restored.
        stamps: those of which no file has changed, by name.
        changed: names of the others.
    """

    machine: str = ""
    boot: str = ""
    quiet: bool = False
    stamps: dict[str, Stamp] = {}
    changed: list[str] = []


def reading_script(folder: str = FOLDER) -> str:
    """The shell command whose output ``read_preparation`` understands. It changes nothing."""
    return f"""
echo "machine {_MACHINE}"
echo "boot $(cat /proc/sys/kernel/random/boot_id)"
test ! -e {_QUIET} || echo quiet
cd {shlex.quote(folder)} 2>/dev/null || exit 0
for stamp in *.json; do
    name="${{stamp%.json}}"
    test -e "$name.files" || continue
    if {_SEEN} <"$name.files" 2>&1 | cmp --silent - "$name.seen"; then
        printf 'stamp %s\\n' "$(cat "$stamp")"
    else
        echo "changed $name"
    fi
done
""".strip()


def read_preparation(output: str) -> Reading:
    """What ``reading_script`` printed. A stamp that cannot be read counts as none."""
    found = Reading()
    for line in output.splitlines():
        word, _, rest = line.strip().partition(" ")
        if word in ("machine", "boot"):
            setattr(found, word, rest)
        elif word == "quiet":
            found.quiet = True
        elif word == "changed":
            found.changed.append(rest)
        elif word == "stamp":
            try:
                stamp = Stamp.model_validate_json(rest)
            except ValidationError:
                continue
            found.stamps[stamp.name] = stamp
    return found


def why_untrusted(found: Reading, name: str, inputs: str, *, of_boot: bool = False) -> str:
    """Why the stamp ``name`` does not stand for ``inputs`` on this host; "" where it does."""
    if name in found.changed:
        return "a file of this host changed since"
    stamp = found.stamps.get(name)
    if stamp is None:
        return "this host has no stamp of it"
    if not found.machine or stamp.machine != found.machine:
        return "its stamp is of another machine"
    if stamp.inputs != inputs:
        return "its inputs changed"
    if of_boot and stamp.boot != found.boot:
        return "the host was booted since"
    return ""


def stamp_script(
    name: str, inputs: str, facts: Mapping[str, Any], files: Iterable[str], folder: str = FOLDER
) -> str:
    """The shell command that writes the stamp ``name``. ``files`` are paths of the host, with ``*`` for any.

    Files that do not exist then are not part of the stamp.
    """
    content = {"name": name, "inputs": inputs, "facts": plain(facts)}
    rest = json.dumps(content, separators=(",", ":")).removeprefix("{")
    paths = " ".join("*".join(map(shlex.quote, path.split("*"))) for path in files)
    return f"""
set -eu
umask 077
mkdir -p {shlex.quote(folder)}
cd {shlex.quote(folder)}
for path in {paths or "''"}; do test ! -f "$path" || echo "$path"; done >{name}.files
{_SEEN} <{name}.files >{name}.seen
{{
    printf '{{"machine":"%s","boot":"%s",' "{_MACHINE}" "$(cat /proc/sys/kernel/random/boot_id)"
    printf '%s\\n' {shlex.quote(rest)}
}} >.{name}.partial
sync .{name}.partial {name}.files {name}.seen
mv .{name}.partial {name}.json
""".strip()


def removal_script(name: str, folder: str = FOLDER) -> str:
    """The shell command that removes the stamp ``name``, before what it stands for is changed."""
    return f"rm -f {shlex.quote(f'{folder}/{name}.json')}"


def role_inputs(project: Path, role: str, variables: Mapping[str, Any], more: Any = None) -> str:
    """SHA-256 of what a role does: its files, the code that roles share, its variables, and ``more``.

    Args:
        project: the project's folder.
        variables: of the host; those count that are options of the role. A value that names a file of the
            controller counts with its content.
        more: what else the role uses, in JSON's types. Files and folders of the controller count with theirs.
    """
    own = {name: plain(variables[name]) for name in _options(project, role) if name in variables}
    digest = hashlib.sha256(json.dumps([role, own, plain(more)], sort_keys=True).encode())
    folders = [project / name for name in (f"roles/{role}", *_SHARED_CODE)]
    named = [path for path in _paths(own) if path.is_file()]
    for path in [*folders, *named, *_paths(plain(more))]:
        for file in _files(path):
            digest.update(f"\0{file}\0".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _options(project: Path, role: str) -> list[str]:
    """Names of the role's options. What it registers has names alike and differs from run to run."""
    path = project / "roles" / role / "meta/argument_specs.yml"
    specs = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]
    return sorted({name for spec in specs.values() for name in spec.get("options", {})})


def plain(value: Any) -> Any:
    """``value`` in JSON's types, without the classes in which Ansible wraps them."""
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Sequence):
        return [plain(entry) for entry in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value)


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    files = (file for file in path.rglob("*") if "__pycache__" not in file.parts)
    return sorted(file for file in files if file.is_file())


def _paths(value: Any) -> Iterable[Path]:
    """Absolute paths of the controller that exist, in ``value``."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for entry in value:
            yield from _paths(entry)
    elif isinstance(value, str) and re.fullmatch(r"/[^\0\n]{1,4000}", value) and Path(value).exists():
        yield Path(value)

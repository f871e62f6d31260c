#!/usr/bin/python
"""Ansible module capstan_image."""

from __future__ import annotations

DOCUMENTATION = r"""
module: capstan_image
short_description: The disk of an OSv guest from a staged tree
version_added: "0.1.0"
description:
  - Joins OSv's loader, as it came, and a staged tree into a disk, the same bytes for the same input.
  - With a kernel ELF the disk holds the file system only, and the hypervisor is given the kernel.
options:
  tree:
    description: A staged tree. Its libc set is not needed, OSv is the C library.
    type: path
    required: true
  loader:
    description:
      - OSv's C(kernel.elf), or its raw or qcow2 loader image; detected from its contents.
      - Refused where it is not whole, or of another kind.
    type: path
    required: true
  cmdline:
    description: Command line for a disk that boots by itself; at most 1023 bytes.
    type: str
    default: ""
  path:
    description: The disk. Its record is kept beside it, with C(.json) appended.
    type: path
    required: true
  format:
    description: Format of the disk. C(vhd) is dynamic, of exact size, with no time and a fixed id.
    type: str
    choices: [raw, vhd, qcow2]
    default: raw
  alignment_kib:
    description:
      - What the disk's size is a multiple of, in KiB; itself a multiple of 64.
      - 64 unless given; 2048, to which XenServer rounds disks, for C(vhd).
    type: int
attributes:
  check_mode:
    support: full
    description: Reports whether the disk would be made.
  diff_mode:
    support: full
    description: Shows what the disk is made of, and the entries that are added, removed and changed.
author: unilab contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Pack a service for OSv
  capstan_image:
    tree: .cache/trees/todos-go
    loader: osv/kernel.elf
    path: .cache/images/todos-go.osv.raw

- name: The same as a disk that XenServer boots
  capstan_image:
    tree: .cache/trees/todos-go
    loader: osv/loader.img
    cmdline: --rootfs=rofs /app/server
    format: vhd
    path: .cache/images/todos-go.osv.vhd
"""

RETURN = r"""
path:
  description: The disk.
  returned: success
  type: str
  sample: /srv/unilab/.cache/images/todos-go.osv.raw
sha256:
  description: Hash of the disk.
  returned: the disk exists
  type: str
  sample: a3f5d0e8f67d0b6c6b8a4a1bd2c1c7de6ef3a4e1e0f4d5c6b7a8990a6e4ec0b0
bytes:
  description: Size of the disk, in bytes.
  returned: the disk exists
  type: int
  sample: 6291456
virtual_bytes:
  description: Size of the disk as the guest sees it, in bytes.
  returned: the disk exists
  type: int
  sample: 6291456
boot:
  description: C(kernel) where the hypervisor is given the kernel, C(disk) where the disk boots itself.
  returned: success
  type: str
  sample: kernel
kernel:
  description: The kernel to give to the hypervisor; empty where the disk boots itself.
  returned: success
  type: str
  sample: /srv/osv/kernel.elf
loader_sha256:
  description: Hash of the loader, as given.
  returned: success
  type: str
  sample: 0b6c6b8a4a1bd2c1c7de6ef3a4e1e0f4d5c6b7a8990a6e4ec0b0a3f5d0e8f67d
missing_symbols:
  description:
    - Symbols that files of the tree need, and that neither the tree nor OSv's kernel provides.
    - A program is aborted when it first uses one.
    - First come those of the program that C(cmdline) names, and of the libraries that are loaded with it.
      Then come those of libraries that it may open, for which C(at_start) is false.
    - Empty for a loader whose own symbols cannot be read.
  returned: success
  type: list
  elements: dict
  sample:
    - path: /usr/bin/python3
      symbols: [posix_spawn, sched_getparam]
      at_start: true
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.hashing import sha256_of
from ansible.module_utils.unilab.images.build_cache import Made, Written, make_once
from ansible.module_utils.unilab.images.osv.disk import FORMATS, Disk, alignment_bytes, recipe, write_disk
from ansible.module_utils.unilab.images.osv.loader import loader_kind, raw_loader
from ansible.module_utils.unilab.images.tree import listing
from ansible.module_utils.unilab.staging.osv_symbols import missing_symbols, notice, program_of

from contracts.errors import InputError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "tree": {"type": "path", "required": True},
            "loader": {"type": "path", "required": True},
            "cmdline": {"type": "str", "default": ""},
            "path": {"type": "path", "required": True},
            "format": {"type": "str", "choices": list(FORMATS), "default": "raw"},
            "alignment_kib": {"type": "int"},
        },
        supports_check_mode=True,
    )
    options = module.params
    path, loader = Path(options["path"]), Path(options["loader"])
    try:
        boot = "kernel" if loader_kind(loader) == "kernel" else "disk"
        disk = Disk(
            tree=Path(options["tree"]),
            kind=boot,
            loader=loader,
            command_line=options["cmdline"],
            format=options["format"],
            alignment_bytes=alignment_bytes(options["alignment_kib"], options["format"]),
        )
        loader_sha256 = sha256_of(loader)
        wanted = recipe(disk, loader_sha256)
        with raw_loader(loader) as (_, raw):
            made = _make(path, replace(disk, loader=raw), wanted, module.check_mode)
        diff = _diff(made, disk, wanted) if module._diff and made.changed else {}
        missing = made.facts.get("missing_symbols", [])
        if missing:
            module.warn(f"{disk.tree}: {notice(missing)}")
    except (InputError, LabError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=made.changed,
        path=str(made.path),
        sha256=made.sha256,
        bytes=made.bytes,
        virtual_bytes=made.facts.get("virtual_bytes"),
        boot=boot,
        kernel=str(loader) if boot == "kernel" else "",
        loader_sha256=loader_sha256,
        missing_symbols=missing,
        diff=diff,
    )


def _make(path: Path, disk: Disk, wanted: Mapping[str, Any], check_mode: bool) -> Made:
    def write(new: Path) -> Written:
        written = write_disk(disk, new)
        facts = {**written.facts, "recipe": wanted, "missing_symbols": _missing(disk)}
        return Written(written.sha256, facts)

    return make_once(path, wanted, write, check_mode)


def _missing(disk: Disk) -> list[dict[str, Any]]:
    """Symbols that nothing provides; none where the loader's own cannot be read."""
    try:
        program = program_of(disk.tree, disk.command_line)
        missing = missing_symbols(disk.tree, disk.loader, program) if disk.kind == "kernel" else []
    except InputError:
        return []
    return [{**asdict(one), "path": f"/{one.path}"} for one in missing]


def _diff(made: Made, disk: Disk, wanted: Mapping[str, Any]) -> dict[str, str]:
    """What the disk was made of and is made of: its recipe, then a line for each entry of its tree."""
    after = made.facts or {"recipe": wanted, "listing": listing(disk.tree)}
    return {
        "before_header": str(made.path),
        "after_header": str(made.path),
        "before": _lines(made.facts_before),
        "after": _lines(after),
    }


def _lines(facts: Mapping[str, Any]) -> str:
    recipe_lines = [f"{key}: {value}" for key, value in sorted(facts.get("recipe", {}).items())]
    return "".join(f"{line}\n" for line in [*recipe_lines, *facts.get("listing", [])])


if __name__ == "__main__":
    main()

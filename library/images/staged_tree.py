#!/usr/bin/python
"""Ansible module staged_tree."""

from __future__ import annotations

DOCUMENTATION = r"""
module: staged_tree
short_description: One file tree from a service's manifest
version_added: "0.1.0"
description:
  - Runs the manifest's build command and stages its files, the shared libraries that its programs
    need, and what every runtime needs, into one tree, which is put in its place by renaming.
  - Writes the tree's hash into C(/etc/unilab/artifact) inside it. The same files give the same hash.
  - The C library and its loader stay outside the tree, because OSv has its own; they are returned.
  - Those of a container image are kept beside the tree, in C(PATH.libc).
  - Runs on the controller, which must be Debian or Ubuntu and have unilab's Python packages.
options:
  manifest:
    description:
      - The service's manifest, C(Capstanfile) or C(meta/package.yaml), or the folder that holds one of them.
    type: path
    required: true
  packages:
    description: Folder of the packages that manifests may require, each a folder or a C(.mpm) file.
    type: path
  path:
    description: Where the tree goes. A folder that is there must be a staged tree; it is replaced.
    type: path
    required: true
attributes:
  check_mode:
    description: Stages aside what is built; runs no build command and changes nothing.
    support: full
  diff_mode:
    description: Shows the entries that are added, removed and changed.
    support: full
author: unilab contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Stage a service
  staged_tree:
    manifest: services/todos/go/Capstanfile
    path: .cache/trees/todos-go

- name: Stage a Capstan package with what it requires
  staged_tree:
    manifest: shop/meta/package.yaml
    packages: packages
    path: .cache/trees/shop
"""

RETURN = r"""
tree:
  description: The tree's folder.
  returned: success
  type: str
  sample: /srv/unilab/.cache/trees/todos-go
artifact_sha256:
  description:
    - Hash of the tree, in hexadecimal.
    - Empty in check mode where the tree would change, so that nothing is made of the one that is there.
  returned: success
  type: str
  sample: 7f7f00bd0df2bf9f3a54be87fa42cb1ee5c7f1d1a7a0ce8e1a0b0d13d1ee2b4c
bytes:
  description: Sizes of the tree's files, added up, in bytes.
  returned: the tree is built
  type: int
  sample: 6226490
files:
  description: Number of files in the tree.
  returned: the tree is built
  type: int
  sample: 4
cmdline:
  description: The program and its arguments, as the manifest or its container image has them.
  returned: success
  type: str
  sample: /app/server
env:
  description: Environment that the program always needs.
  returned: success
  type: dict
  sample: {PYTHONHOME: /usr}
osv_cmdline_suffix:
  description: What only OSv needs after the command line.
  returned: success
  type: str
  sample: " !"
ports:
  description: TCP ports that the container image of the manifest exposes.
  returned: success
  type: list
  elements: int
  sample: [8080]
notices:
  description: What of the manifest is not honoured, or will not run everywhere; shown as warnings too.
  returned: success
  type: list
  elements: str
  sample: ["cmdline: --cwd=/srv is omitted: every runtime starts programs in /. Remedy: use absolute paths"]
libc_files:
  description: The libc set. Empty where no program of the tree is dynamically linked.
  returned: the tree is built
  type: list
  elements: dict
  sample:
    - guest: /usr/lib/libc.so.6
      host: /usr/lib/x86_64-linux-gnu/libc.so.6
      sha256: 6ab4f2a1e5f7c5e1b54b1e8f4a7ffb1c6f4b3b1f2a6f7c1e8d9c0a1b2c3d4e5f
stdout:
  description: What the build command wrote.
  returned: the build command failed
  type: str
  sample: "make: *** No rule to make target 'build/server'."
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.staging import BuildError, Staged, build, is_built, stage

from contracts.errors import InputError
from contracts.manifest import Manifest, load_manifest


def _command(manifest: Manifest) -> dict[str, Any]:
    return {
        "cmdline": manifest.cmdline,
        "env": dict(manifest.env),
        "notices": list(manifest.notices),
        "osv_cmdline_suffix": manifest.osv_cmdline_suffix,
        "ports": list(manifest.ports),
    }


def _found(staged: Staged) -> dict[str, Any]:
    return {
        "artifact_sha256": staged.artifact_sha256,
        "bytes": staged.bytes,
        "files": staged.files,
        "notices": list(staged.notices),
        "libc_files": [file.as_dict() for file in staged.libc],
    }


def _warn(module: AnsibleModule, notices: tuple[str, ...]) -> None:
    for notice in notices:
        module.warn(f"{module.params['manifest']}: {notice}")


def _diff(staged: Staged) -> dict[str, str]:
    return {side: "".join(f"{line}\n" for line in getattr(staged, side)) for side in ("before", "after")}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "manifest": {"type": "path", "required": True},
            "packages": {"type": "path"},
            "path": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    packages = module.params["packages"]
    destination = Path(module.params["path"])
    try:
        manifest = load_manifest(Path(module.params["manifest"]), Path(packages) if packages else None)
        command = {"tree": str(destination), **_command(manifest)}
        if not module.check_mode:
            build(manifest)
        elif not is_built(manifest):
            _warn(module, manifest.notices)
            module.exit_json(changed=True, artifact_sha256="", **command)
        staged = stage(manifest, destination, write=not module.check_mode)
    except BuildError as error:
        module.fail_json(msg=str(error), stdout=error.output)
    except (InputError, LabError) as error:
        module.fail_json(msg=str(error))
    _warn(module, staged.notices)
    diff = _diff(staged) if module._diff and staged.changed else {}
    command |= _command(staged.manifest)
    found = _found(staged)
    if module.check_mode and staged.changed:
        found["artifact_sha256"] = ""
    module.exit_json(changed=staged.changed, diff=diff, **(command | found))


if __name__ == "__main__":
    main()

"""Small trees, manifests and programs for tests."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from ansible.module_utils.unilab.staging import Staged, stage

from contracts.manifest import load_manifest


def service(folder: Path, files: Mapping[str, str] | None = None, **keys: object) -> Path:
    """A service in ``folder``: a text program at /app/server, and a manifest with ``keys`` over it."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "server"
    program.write_text("#!/bin/sh\n", encoding="ascii")
    program.chmod(0o700)
    staged_files = dict(files or {"/app/server": "server"})
    # A tree that is about something else has no program of its own, but always this file.
    program_path = "/app/server" if "/app/server" in staged_files else "/etc/hosts"
    manifest: dict[str, object] = {"files": staged_files, "cmdline": program_path}
    path = folder / "Capstanfile"
    path.write_text(yaml.safe_dump(manifest | keys), encoding="utf-8")
    return path


def staged(folder: Path, files: Mapping[str, str] | None = None, **keys: object) -> Staged:
    """A staged tree of such a service, at ``folder``/tree."""
    return stage(load_manifest(service(folder / "service", files, **keys)), folder / "tree", write=True)


def compile_c(source: str, output: Path, *options: str) -> None:
    """Compile the C program ``source``; skip the test, visibly, where there is no compiler."""
    if shutil.which("gcc") is None:
        pytest.skip("no gcc: install it to test with real ELF files")
    output.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["gcc", "-x", "c", "-", "-o", str(output), *options], input=source.encode(), check=True)

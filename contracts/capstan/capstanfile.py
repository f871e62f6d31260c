"""Capstan's older form: one file, ``Capstanfile`` (Capstan, core/template.go, Documentation/Capstanfile.md).

    build: make                     one command, split on white space, no shell, run beside the manifest
    files: {/app/server: server}    guest path -> host path beside the manifest (file or directory)
    rootfs: ROOTFS                  a folder beside the manifest, staged whole
    cmdline: /app/server            OSv's boot command
    env: {NAME: value}              ours: environment that the program always needs
    osv_cmdline_suffix: " !"        ours: what only OSv needs after the command (Java's detached main)
    libraries: [libssl.so.3]        ours: shared libraries that the program opens by name
    from: image.tar                 ours: a container image beside the manifest, under all other files

``base`` and ``rpm-base`` are read; a notice says that they are not honoured.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from contracts.capstan.model import HostPath
from contracts.capstan.text import Text, TextList, TextMap

# Capstan's default for the key rootfs.
ROOTFS = "ROOTFS"


class Capstanfile(BaseModel):
    """The content of a ``Capstanfile``."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    base: Text = ""
    rpm_base: str | dict[str, Any] | None = Field(default=None, alias="rpm-base")
    build: Text = ""
    files: TextMap = {}
    rootfs: Text = ""
    cmdline: Text = ""
    env: TextMap = {}
    osv_cmdline_suffix: Text = ""
    libraries: TextList = []
    image: Text = Field(default="", alias="from")

    @field_validator("files")
    @classmethod
    def _paths(cls, files: dict[str, str]) -> dict[str, str]:
        """A guest path that does not begin at the root is put there, as Capstan uploads it."""
        for guest, host in files.items():
            if not host:
                raise ValueError(f"guest path '{guest}' has no host path: write one")
            if ".." in PurePosixPath(guest).parts:
                raise ValueError(f"guest path '{guest}' leaves the tree: it must be free of '..'")
        return files


def host_paths(read: Capstanfile) -> list[HostPath]:
    """What is staged from beside the manifest: its root folder first, then ``files`` by their guest paths."""
    # The build may make Capstan's default folder, so it is looked for when it is staged.
    sources = [HostPath("rootfs", "/", read.rootfs or ROOTFS, optional=not read.rootfs)]
    for guest, host in sorted(read.files.items()):
        sources.append(HostPath(f"files.{guest}", guest if guest.startswith("/") else f"/{guest}", host))
    return sources

"""Capstan's older form: one file, ``Capstanfile`` (Capstan, core/template.go, Documentation/Capstanfile.md).

    build: make                     one command, split on white space, no shell, run beside the manifest
    files: {/app/server: server}    guest path -> host path beside the manifest (file or directory)
    rootfs: ROOTFS                  a folder beside the manifest, staged whole
    cmdline: /app/server            OSv's boot command
    env: {NAME: value}              ours: environment that the program always needs
    osv_cmdline_suffix: " !"        ours: what only OSv needs after the command (Java's detached main)
    libraries: [libssl.so.3]        ours: shared libraries that the program opens by name

``base`` and ``rpm-base`` are read, and a notice tells that they are not honoured.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from contracts.plain_text import Text, TextMap


class Capstanfile(BaseModel):
    """The content of a ``Capstanfile``."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    base: str | None = None
    rpm_base: str | dict[str, Any] | None = Field(default=None, alias="rpm-base")
    build: Text | None = None
    files: dict[str, str] = {}
    rootfs: str | None = None
    cmdline: Text = Field(min_length=1)
    env: TextMap = {}
    osv_cmdline_suffix: str = ""
    libraries: list[str] = []

    @field_validator("files", mode="before")
    @classmethod
    def _no_files(cls, files: Any) -> Any:
        return {} if files is None else files

    @field_validator("files")
    @classmethod
    def _guest_paths(cls, files: dict[str, str]) -> dict[str, str]:
        """A path that does not begin at the root begins there all the same, as Capstan uploads it."""
        for guest in files:
            if ".." in PurePosixPath(guest).parts:
                raise ValueError(f"guest path '{guest}' leaves the tree: it must be free of '..'")
        return files

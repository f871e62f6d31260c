"""A manifest: what one service is made of and how it is run. Capstan's keys, and two of ours.

    build: make                     one command, split on white space, no shell, run beside the manifest
    files: {/app/server: server}    guest path -> host path beside the manifest (file or directory)
    cmdline: /app/server            the program and its arguments, absolute guest path first
    env: {NAME: value}              ours: environment that the program always needs
    osv_cmdline_suffix: " !"        ours: what only OSv needs after the command (Java's detached main)

Capstan's ``base`` and ``rpm-base`` are read and ignored: the kernel comes from the laboratory.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ConfigDict, Field, field_validator

from contracts.errors import InputError, read_yaml, validate


class Manifest(BaseModel):
    """The content of ``services/WORKLOAD/LANGUAGE/Capstanfile``."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    base: str | None = None
    rpm_base: str | None = Field(default=None, alias="rpm-base")
    build: str | None = None
    files: dict[str, str] = Field(min_length=1)
    rootfs: str | None = None
    cmdline: str = Field(min_length=1)
    env: dict[str, str] = {}
    osv_cmdline_suffix: str = ""

    @field_validator("files")
    @classmethod
    def _guest_paths(cls, files: dict[str, str]) -> dict[str, str]:
        for guest in files:
            path = PurePosixPath(guest)
            if not path.is_absolute() or ".." in path.parts:
                raise ValueError(f"guest path '{guest}' must be absolute and free of '..'")
        return files

    @field_validator("cmdline")
    @classmethod
    def _absolute_program(cls, cmdline: str) -> str:
        if not cmdline.startswith("/"):
            raise ValueError("the command line starts with the program's absolute guest path")
        return cmdline


def load_manifest(path: Path) -> Manifest:
    """Read and check the manifest at ``path``. Host files are checked when staged. Raises InputError."""
    remedy = "compare with services/todos/go/Capstanfile; docs/formats.md lists every key"
    return validate(Manifest, read_yaml(path, "manifest"), path, remedy)


def host_path(manifest_path: Path, guest: str, host: str) -> Path:
    """The file or directory that ``files`` puts at ``guest``; ``&`` stands for the guest's base name.

    Raises InputError when it lies outside the manifest's folder's service tree or does not exist.
    """
    folder = manifest_path.parent.resolve()
    path = (folder / host.replace("&", PurePosixPath(guest).name)).resolve()
    if not path.is_relative_to(folder):
        raise InputError(
            manifest_path, f"files.{guest}", f"'{host}' leaves the service's folder", "copy it in by 'build'"
        )
    if not path.exists():
        raise InputError(
            manifest_path,
            f"files.{guest}",
            f"'{host}' does not exist",
            "run the manifest's build command, or mend the path",
        )
    return path

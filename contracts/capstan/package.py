"""Capstan's package form: ``meta/package.yaml`` beside ``meta/run.yaml``
(Documentation/ConfigurationFiles.md).

A package is a folder, or the file that Capstan makes of one: NAME.mpm, a tar file, mostly compressed by gzip,
whose root is / (Capstan, cmd/package.go).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from contracts.capstan.run import Run, parse_run
from contracts.capstan.text import Text, TextList, TextMap, parse_manifest, read_manifest
from contracts.errors import YAML_MAX_BYTES, InputError, validate
from contracts.images.bounded_tar import inner_path, read_tar

PACKAGE, RUN = "meta/package.yaml", "meta/run.yaml"
_REMEDY = "compare with docs/formats.md, which lists every key"
# OSv keeps pieces of packages as APP/mpm/package.yaml; its build script adds the missing keys.
_PIECE = "mpm"


class Package(BaseModel):
    """The content of ``meta/package.yaml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Text = Field(min_length=1)
    title: Text = Field(min_length=1)
    author: Text = Field(min_length=1)
    version: Text = ""
    require: TextList = []
    binary: TextMap = {}
    created: Any = None
    platform: Text = ""
    build: Text = ""
    libraries: TextList = []


@dataclass(frozen=True)
class FoundPackage:
    """A package that was found: its folder or file, and the content of its two manifests.

    Attributes:
        file: its package.yaml, for messages.
        run: None where it has no run.yaml.
    """

    path: Path
    file: Path
    package: Package
    run: Run | None
    notices: tuple[str, ...] = ()


def open_folder(file: Path) -> FoundPackage:
    """The package of which ``file`` is the package.yaml, in ``meta``. Raises InputError."""
    content = read_manifest(file, "package")
    notices: tuple[str, ...] = ()
    if file.parent.name == _PIECE:
        content, notices = _completed(content, file)
    run = file.with_name("run.yaml")
    return FoundPackage(
        path=file.parent.parent,
        file=file,
        package=validate(Package, content, file, _REMEDY),
        run=parse_run(read_manifest(run, "run file"), run) if run.is_file() else None,
        notices=notices,
    )


def open_archive(path: Path) -> FoundPackage:
    """The package ``path``, a tar file, which is read to its end. Raises InputError."""
    texts: dict[str, bytes] = {}
    with read_tar(path) as archive:
        for member in archive:
            name = inner_path(path, member.name)
            if name in (PACKAGE, RUN) and member.isreg():
                texts[name] = archive.read(member, YAML_MAX_BYTES)
    file, run = path / PACKAGE, path / RUN
    if PACKAGE not in texts:
        raise InputError(path, "", f"holds no {PACKAGE}", "give a package that Capstan built")
    package = validate(Package, parse_manifest(texts[PACKAGE], file, "package"), file, _REMEDY)
    parsed = parse_run(parse_manifest(texts[RUN], run, "run file"), run) if RUN in texts else None
    return FoundPackage(path, file, package, parsed)


def _completed(content: Mapping[str, Any], file: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """``content`` with the keys that OSv's scripts/build-capstan-mpm-packages adds, and a notice of each."""
    folder = file.parent.parent.name
    defaults = {"name": f"osv.{folder}", "title": folder, "author": "Anonymous", "version": "1.0.0"}
    added = {key: value for key, value in defaults.items() if key not in content}
    notices = [f"{key}: missing: '{value}' is taken, as OSv's build does" for key, value in added.items()]
    return {**content, **added}, tuple(notices)

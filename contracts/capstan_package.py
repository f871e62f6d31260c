"""Capstan's package form: ``meta/package.yaml`` beside ``meta/run.yaml``, and packages that it requires.

A package is a folder, or what Capstan makes of one: NAME.mpm, a tar file, mostly gzipped, rooted at /
(Capstan, cmd/package.go, Documentation/ConfigurationFiles.md).
"""

from __future__ import annotations

import platform
import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from contracts.capstan_run import Run, parse_run
from contracts.errors import InputError, parse_yaml, read_yaml, validate
from contracts.plain_text import Text, TextList

PACKAGE, RUN = "meta/package.yaml", "meta/run.yaml"
# What OSv and Capstan's own start need; ours are the kernel and the tree's first files.
BOOTSTRAP = "osv.bootstrap"
_REMEDY = "compare with docs/formats.md, which lists every key"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
# OSv keeps pieces of packages as APP/mpm/package.yaml; its build script fills in the rest.
_PIECE = "mpm"


class Package(BaseModel):
    """The content of ``meta/package.yaml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Text = Field(min_length=1)
    title: Text = Field(min_length=1)
    author: Text = Field(min_length=1)
    version: Text = ""
    require: TextList = []
    binary: dict[str, str] = {}
    created: Any = None
    platform: Text = ""
    build: Text | None = None
    libraries: list[str] = []


@dataclass(frozen=True)
class Opened:
    """A package that was found: where, and what its two files say."""

    path: Path
    file: Path
    package: Package
    run: Run | None
    notices: tuple[str, ...] = ()


def open_folder(file: Path) -> Opened:
    """Open the package of which ``file`` is the package.yaml, in ``meta``. Raises InputError."""
    content = read_yaml(file, "package")
    notices: tuple[str, ...] = ()
    if file.parent.name == _PIECE:
        content, notices = _completed(content, file)
    run = file.with_name("run.yaml")
    return Opened(
        path=file.parent.parent,
        file=file,
        package=validate(Package, content, file, _REMEDY),
        run=parse_run(read_yaml(run, "run file"), run) if run.is_file() else None,
        notices=notices,
    )


def open_archive(path: Path) -> Opened:
    """Open the package ``path``, a tar file. Raises InputError."""
    texts: dict[str, bytes] = {}
    with members(path) as (archive, found):
        for member in found:
            name = member_path(path, member)
            if name in (PACKAGE, RUN) and member.isfile():
                stream = archive.extractfile(member)
                texts[name] = stream.read() if stream else b""
    file, run = path / PACKAGE, path / RUN
    if PACKAGE not in texts:
        raise InputError(path, "", f"holds no {PACKAGE}", "give a package that Capstan built")
    package = validate(Package, parse_yaml(texts[PACKAGE], file, "package"), file, _REMEDY)
    told = parse_run(parse_yaml(texts[RUN], run, "run file"), run) if RUN in texts else None
    return Opened(path, file, package, told)


@contextmanager
def members(path: Path) -> Iterator[tuple[tarfile.TarFile, Iterator[tarfile.TarInfo]]]:
    """The tar file ``path`` and its members. Raises InputError where it is damaged, or no tar file."""
    try:
        with tarfile.open(path) as archive:
            yield archive, iter(archive)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise InputError(
            path, "", f"not a whole tar file: {error}", "build or fetch the package again"
        ) from None


def member_path(path: Path, member: tarfile.TarInfo) -> str:
    """Where ``member`` of the package ``path`` belongs, relative to the root, "" for the root itself.

    Raises InputError where it leaves the tree.
    """
    parts = [part for part in member.name.split("/") if part not in ("", ".")]
    if ".." in parts:
        problem = f"'{member.name}' leaves the tree"
        raise InputError(path, "", problem, "build the package again, without '..' in its paths")
    return "/".join(parts)


def required(application: Opened, packages: Path | None) -> dict[str, Opened]:
    """The packages that ``application`` requires, by name, in the order in which they are copied.

    Each comes after what it requires itself; one that is required twice comes where it is copied last.
    Raises InputError for one that is missing, that has no proper name, or that requires itself.
    """
    ordered: dict[str, Opened] = {}
    _require(application, packages, [application.package.name], ordered)
    return ordered


def _require(wanted_by: Opened, packages: Path | None, way: list[str], ordered: dict[str, Opened]) -> None:
    implied = list(wanted_by.run.packages()) if wanted_by.run and len(way) == 1 else []
    for name in dict.fromkeys([*implied, *wanted_by.package.require]):
        if name == BOOTSTRAP:
            continue
        if name in way:
            circle = " -> ".join([*way, name])
            raise InputError(wanted_by.file, "require", f"goes in a circle: {circle}", "break it")
        found = _find(name, wanted_by, packages)
        _require(found, packages, [*way, name], ordered)
        ordered.pop(name, None)
        ordered[name] = found


def _find(name: str, wanted_by: Opened, packages: Path | None) -> Opened:
    if not _NAME.fullmatch(name):
        raise InputError(wanted_by.file, "require", f"'{name}' names no package", "use the package's name")
    if packages is not None:
        if (packages / name / PACKAGE).is_file():
            return open_folder(packages / name / PACKAGE)
        for path in (packages / f"{name}.mpm", packages / f"{name}.mpm.{platform.machine()}"):
            if path.is_file():
                return open_archive(path)
    where = str(packages) if packages is not None else "the folder of packages, of which none is given"
    raise InputError(
        wanted_by.file,
        "require",
        f"package '{name}' is not in {where}",
        f"put its folder there as {name}, or the file that Capstan built as {name}.mpm",
    )


def _completed(content: Mapping[str, Any], file: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """``content`` with what OSv's scripts/build-capstan-mpm-packages fills in, and what that was."""
    folder = file.parent.parent.name
    defaults = {"name": f"osv.{folder}", "title": folder, "author": "Anonymous", "version": "1.0.0"}
    filled = {key: value for key, value in defaults.items() if key not in content}
    notices = [f"{key}: not given: '{value}', as OSv's build has it" for key, value in filled.items()]
    return {**content, **filled}, tuple(notices)

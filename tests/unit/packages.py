"""Small Capstan packages for tests, as folders and as .mpm files."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml


def package(
    folder: Path,
    files: Mapping[str, str] | None = None,
    run: Mapping[str, Any] | None = None,
    **keys: object,
) -> Path:
    """A package in ``folder``, named after it, with text ``files``; return its package.yaml."""
    about: dict[str, object] = {"name": folder.name, "title": "A package", "author": "A person"}
    for path, text in (files or {}).items():
        here = folder / path
        here.parent.mkdir(parents=True, exist_ok=True)
        here.write_text(text)
        here.chmod(0o755)
    meta = folder / "meta"
    meta.mkdir(parents=True, exist_ok=True)
    if run is not None:
        (meta / "run.yaml").write_text(yaml.safe_dump(dict(run)))
    (meta / "package.yaml").write_text(yaml.safe_dump(about | keys))
    return meta / "package.yaml"


def native(bootcmd: str, **keys: object) -> dict[str, Any]:
    """A run file with one native config set, ``default``."""
    return {"runtime": "native", "config_set": {"default": {"bootcmd": bootcmd, **keys}}}


def mpm(path: Path, members: Mapping[str, str | tarfile.TarInfo], mode: str = "w:gz") -> Path:
    """A tar file of text files, or of members that the caller made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                content.name = name
                archive.addfile(content)
                continue
            data = content.encode()
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o755
            archive.addfile(member, io.BytesIO(data))
    return path


def about(name: str, **keys: object) -> str:
    """The text of a package.yaml."""
    return yaml.safe_dump({"name": name, "title": "A package", "author": "A person"} | keys)

"""A Docker image as ``docker save`` writes it, made without a Docker engine.

Format: Docker Image Specification v1.2 ("Combined Image JSON + Filesystem Changeset Format"), the
manifest.json form, which every engine since 1.10 loads. The image's id is the sha256 of its
configuration, which holds the sha256 of each layer, so it is known before any engine sees it.

Two layers: what services of one language have in common, then /app and /etc/unilab.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ansible.module_utils.unilab.images.libc import LibcFile, root_entries
from ansible.module_utils.unilab.images.tar_stream import header_of, write_tar
from ansible.module_utils.unilab.images.tree import Entry, artifact_sha256
from ansible.module_utils.unilab.service import SERVICE_PORT

from contracts.errors import InputError

ARTIFACT_LABEL = "unilab.artifact"
RECIPE_LABEL = "unilab.recipe"
PORT = f"{SERVICE_PORT}/tcp"
_OWN_FOLDERS = ("app", "etc/unilab")
_EPOCH = "1970-01-01T00:00:00Z"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}  # Go's names, as the specification asks


@dataclass(frozen=True)
class Image:
    """What an image is made of. ``name`` is NAME:TAG."""

    name: str
    tree: Path
    libc: Sequence[LibcFile]
    cmdline: str
    env: Mapping[str, str]

    def recipe(self) -> dict[str, Any]:
        """All that the archive's content depends on."""
        return {
            "format": 1,
            "name": self.name,
            "artifact_sha256": artifact_sha256(self.tree),
            "libc": [[file.guest, file.sha256] for file in self.libc],
            "cmdline": self.cmdline,
            "env": dict(self.env),
            "machine": platform.machine(),
        }


def write_archive(image: Image, recipe_sha256: str, path: Path) -> None:
    """Write the archive to ``path``. Raises InputError.

    ``recipe_sha256`` becomes the label ``unilab.recipe``: engines that store images in containerd
    give them another id, and the label shows there too whether the image is this one.
    """
    with tempfile.TemporaryFile(dir=path.parent) as lower, tempfile.TemporaryFile(dir=path.parent) as upper:
        entries = root_entries(image.tree, list(image.libc))
        write_tar(lower, [entry for entry in entries if not _is_own(entry)])
        write_tar(upper, [entry for entry in entries if _is_own(entry)])
        layers = [(_digest(layer), layer) for layer in (lower, upper)]
        config = _json(_configuration(image, recipe_sha256, [digest for digest, _ in layers]))
        name = f"{hashlib.sha256(config).hexdigest()}.json"
        manifest = {
            "Config": name,
            "RepoTags": [image.name],
            "Layers": [f"{digest}/layer.tar" for digest, _ in layers],
        }
        with path.open("wb") as stream, tarfile.open(fileobj=stream, mode="w|") as archive:
            for digest, layer in layers:
                size = layer.seek(0, io.SEEK_END)
                layer.seek(0)
                archive.addfile(header_of(f"{digest}/layer.tar", size), layer)
            for file, content in ((name, config), ("manifest.json", _json([manifest]))):
                archive.addfile(header_of(file, len(content)), io.BytesIO(content))


def read_image_id(path: Path) -> str:
    """The id that an engine gives to the image in the archive ``path``: ``sha256:`` and 64 digits."""
    with tarfile.open(path) as archive:
        manifest = archive.extractfile("manifest.json")
        if manifest is None:
            raise InputError(path, "manifest.json", "is no file", "make the archive again")
        return "sha256:" + str(json.load(manifest)[0]["Config"]).removesuffix(".json")


def _is_own(entry: Entry) -> bool:
    return any(entry.path == folder or entry.path.startswith(folder + "/") for folder in _OWN_FOLDERS)


def _configuration(image: Image, recipe_sha256: str, digests: list[str]) -> dict[str, Any]:
    architecture = _ARCHITECTURES.get(platform.machine())
    if architecture is None:
        raise InputError(
            image.tree,
            "",
            f"no Docker name for the machine {platform.machine()}",
            "build on x86_64 or aarch64",
        )
    steps = ("language runtime and C library", "service")
    return {
        "architecture": architecture,
        "os": "linux",
        "created": _EPOCH,
        "config": {
            "Entrypoint": image.cmdline.split(),
            "Env": [f"{name}={value}" for name, value in sorted(image.env.items())],
            "ExposedPorts": {PORT: {}},
            "WorkingDir": "/",
            "Labels": {
                ARTIFACT_LABEL: artifact_sha256(image.tree),
                RECIPE_LABEL: recipe_sha256,
            },
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
        "history": [{"created": _EPOCH, "created_by": f"unilab: {step}"} for step in steps],
    }


def _json(content: object) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def _digest(stream: IO[bytes]) -> str:
    stream.seek(0)
    digest = hashlib.sha256()
    while block := stream.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()

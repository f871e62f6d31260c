"""What a container image in an archive contains and runs: ``docker image save``, or a tar file of an OCI
layout.

Read are the small JSON files only, each checked against its digest; layers are unpacked when the image is
staged. Formats: OCI image specification 1.1 (image-layout, image-index, manifest, config, descriptor);
Docker's image specification 1.2 (moby, ``manifest.json``).
"""

from __future__ import annotations

import hashlib
import json
import platform
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from contracts.errors import InputError, Model, validate
from contracts.images.bounded_tar import inner_path, read_tar

LAYERS_MAX = 128  # Docker's own limit is 127
_JSON_BYTES, _ALL_JSON_BYTES = 4 << 20, 64 << 20
_NESTED_INDEXES_MAX = 3
_REMEDY = "save the image again by `docker image save` or as an OCI archive"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class _Platform(_Part):
    architecture: str = ""
    os: str = ""


class _Descriptor(_Part):
    media_type: str = Field(default="", alias="mediaType")
    digest: str = Field(pattern=r"^sha256:[0-9a-f]{64}$")
    size: int = Field(default=0, ge=0)
    platform: _Platform | None = None
    annotations: dict[str, str] | None = None

    @property
    def member(self) -> str:
        """Its file in an OCI layout."""
        return "blobs/" + self.digest.replace(":", "/")


class _Index(_Part):
    manifests: list[_Descriptor] = Field(min_length=1)


class _Manifest(_Part):
    config: _Descriptor
    layers: list[_Descriptor] = Field(max_length=LAYERS_MAX)


class _DockerManifest(_Part):
    config: str = Field(alias="Config")
    layers: list[str] = Field(alias="Layers", max_length=LAYERS_MAX)


class _Run(_Part):
    entrypoint: list[str] | None = Field(default=None, alias="Entrypoint")
    cmd: list[str] | None = Field(default=None, alias="Cmd")
    env: list[str] | None = Field(default=None, alias="Env")
    working_dir: str | None = Field(default=None, alias="WorkingDir")
    user: str | None = Field(default=None, alias="User")
    exposed_ports: dict[str, Any] | None = Field(default=None, alias="ExposedPorts")


class _RootFs(_Part):
    diff_ids: list[str] = Field(max_length=LAYERS_MAX)


class _Config(_Part):
    architecture: str
    os: str
    rootfs: _RootFs
    config: _Run | None = None


@dataclass(frozen=True)
class LayerBlob:
    """One layer: its file in the archive, that file's digest ("" in Docker's form), and its tar file's."""

    member: str
    digest: str
    diff_id: str


@dataclass(frozen=True)
class ContainerImage:
    """An image in the archive ``path``.

    Attributes:
        layers: in the order in which they are applied.
        words: entry point and command, as one list.
        search: folders in which a program without a slash is searched.
        working_dir, user: as configured, "" where they are not.
        ports: TCP ports, ascending.
    """

    path: Path
    layers: tuple[LayerBlob, ...]
    words: tuple[str, ...]
    env: Mapping[str, str]
    search: tuple[str, ...]
    working_dir: str
    user: str
    ports: tuple[int, ...]


@dataclass
class _Archive:
    """The archive's small JSON files by name, names of all its files, and what its symlinks stand for."""

    path: Path
    texts: dict[str, bytes] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    links: dict[str, str] = field(default_factory=dict)

    def error(self, problem: str, remedy: str = _REMEDY) -> InputError:
        return InputError(self.path, "from", problem, remedy)

    def json(self, name: str, digest: str = "") -> Any:
        """The content of the file ``name``. Raises InputError, also where its digest is another."""
        if name not in self.texts:
            raise self.error(f"holds no {name}")
        text = self.texts[name]
        if digest and digest != f"sha256:{hashlib.sha256(text).hexdigest()}":
            raise self.error(f"{name} does not have the digest that its name states")
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self.error(f"{name} is not JSON: {' '.join(str(error).split())}") from None

    def model(self, kind: type[Model], name: str, digest: str = "") -> Model:
        """The content of the file ``name`` as ``kind``. Raises InputError."""
        return self.checked(kind, self.json(name, digest), name)

    def checked(self, kind: type[Model], content: Any, name: str) -> Model:
        """``content``, of the file ``name``, as ``kind``. Raises InputError."""
        try:
            return validate(kind, content, self.path, _REMEDY)
        except InputError as error:
            raise self.error(f"{name}: {error.key}: {error.problem}") from None


def read_container_image(path: Path, machine: str = "") -> ContainerImage:
    """The image in the archive ``path`` for ``machine`` (as platform.machine() has it; default this one).

    Raises InputError where the archive is damaged or hostile, holds no image or several, or none for the
    machine.
    """
    architecture = _ARCHITECTURES.get(machine or platform.machine(), machine or platform.machine())
    if path.is_dir():
        problem = "is a folder"
        raise InputError(path, "from", problem, "pack an OCI layout by `tar -cf image.tar -C FOLDER .`")
    archive = _read(path)
    if "index.json" in archive.texts:
        config, layers = _oci(archive, architecture)
    elif "manifest.json" in archive.texts:
        config, layers = _docker(archive)
    else:
        raise archive.error("holds neither index.json (OCI) nor manifest.json (Docker)")
    if (config.os, config.architecture) != ("linux", architecture):
        problem = f"is for {config.os}/{config.architecture}, not for linux/{architecture}"
        raise archive.error(problem, f"save the image for linux/{architecture}")
    missing = [blob.member for blob in layers if blob.member not in archive.names]
    if missing:
        raise archive.error(f"lacks the layer {missing[0]}")
    return _image(archive, config.config or _Run(), layers)


def _read(path: Path) -> _Archive:
    archive = _Archive(path)
    total = 0
    with read_tar(path) as reader:
        for member in reader:
            name = inner_path(path, member.name)
            if member.issym() or member.islnk():
                base = posixpath.dirname(name) if member.issym() else ""
                archive.links[name] = inner_path(
                    path, posixpath.normpath(posixpath.join(base, member.linkname))
                )
            if not member.isreg():
                continue
            archive.names.add(name)
            if member.size > _JSON_BYTES or not (name.endswith(".json") or name.startswith("blobs/")):
                continue
            text = reader.read(member, _JSON_BYTES)
            if text[:1] not in (b"{", b"["):
                continue
            archive.texts[name] = text
            total += len(text)
            if total > _ALL_JSON_BYTES:
                raise archive.error(f"holds more than {_ALL_JSON_BYTES} bytes of JSON")
    return archive


def _oci(archive: _Archive, architecture: str) -> tuple[_Config, list[LayerBlob]]:
    manifest = _chosen(archive, archive.model(_Index, "index.json"), architecture, _NESTED_INDEXES_MAX)
    config = archive.model(_Config, manifest.config.member, manifest.config.digest)
    return config, _blobs(archive, config, [(one.member, one.digest) for one in manifest.layers])


def _chosen(archive: _Archive, index: _Index, architecture: str, levels: int) -> _Manifest:
    """The only manifest of ``index``, or of an index in it, that is for ``architecture``."""
    fitting = [
        one
        for one in index.manifests
        if one.platform is None or (one.platform.os, one.platform.architecture) == ("linux", architecture)
    ]
    if not fitting:
        known = sorted(
            {f"{one.platform.os}/{one.platform.architecture}" for one in index.manifests if one.platform}
        )
        problem = f"holds an image for {', '.join(known)}, none for linux/{architecture}"
        raise archive.error(problem, f"save the image for linux/{architecture}")
    digests = list(dict.fromkeys(one.digest for one in fitting))
    if len(digests) > 1:
        raise archive.error(f"holds {len(digests)} images", "save one image only")
    content = archive.json(fitting[0].member, fitting[0].digest)
    if not isinstance(content, dict) or "manifests" not in content:
        return archive.checked(_Manifest, content, fitting[0].member)
    if not levels:
        raise archive.error(f"nests more than {_NESTED_INDEXES_MAX} indexes")
    return _chosen(archive, archive.checked(_Index, content, fitting[0].member), architecture, levels - 1)


def _docker(archive: _Archive) -> tuple[_Config, list[LayerBlob]]:
    content = archive.json("manifest.json")
    if not isinstance(content, list) or len(content) != 1:
        count = len(content) if isinstance(content, list) else 0
        raise archive.error(f"manifest.json names {count} images", "save one image only")
    manifest = archive.checked(_DockerManifest, content[0], "manifest.json")
    # Docker names the file after its digest: HEX.json, or blobs/sha256/HEX.
    stem = posixpath.basename(manifest.config).removesuffix(".json")
    config = archive.model(_Config, manifest.config, f"sha256:{stem}")
    members = [archive.links.get(name, name) for name in manifest.layers]
    return config, _blobs(archive, config, [(member, "") for member in members])


def _blobs(archive: _Archive, config: _Config, files: Sequence[tuple[str, str]]) -> list[LayerBlob]:
    if len(files) != len(config.rootfs.diff_ids):
        problem = f"has {len(files)} layers, its configuration {len(config.rootfs.diff_ids)}"
        raise archive.error(problem)
    pairs = zip(files, config.rootfs.diff_ids, strict=True)
    return [LayerBlob(member, digest, diff_id) for (member, digest), diff_id in pairs]


def _image(archive: _Archive, run: _Run, layers: list[LayerBlob]) -> ContainerImage:
    env = dict(_variable(archive, text) for text in run.env or ())
    ports = []
    for text in run.exposed_ports or {}:
        number, _, protocol = text.partition("/")
        if not number.isdecimal() or not 0 < int(number[:6]) < 65536:
            raise archive.error(f"exposes the port '{text[:40]}', which is none")
        ports += [int(number)] if protocol in ("", "tcp") else []
    return ContainerImage(
        path=archive.path,
        layers=tuple(layers),
        words=(*(run.entrypoint or ()), *(run.cmd or ())),
        env=env,
        search=tuple(
            folder for folder in env.get("PATH", _DEFAULT_PATH).split(":") if folder.startswith("/")
        ),
        working_dir=run.working_dir or "",
        user=run.user or "",
        ports=tuple(sorted(set(ports))),
    )


def _variable(archive: _Archive, text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not name or not separator or "\0" in text:
        raise archive.error(f"sets the variable '{text[:40]}', which is not NAME=VALUE")
    return name, value

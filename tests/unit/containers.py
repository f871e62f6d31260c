"""Small container images for tests: OCI layouts and archives of `docker image save`, written by hand."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import zstandard

Content = bytes | str | tarfile.TarInfo
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "+gzip": gzip.compress,
    "+zstd": lambda data: zstandard.ZstdCompressor().compress(data),
}


def special(kind: bytes, target: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    """A member that is no regular file."""
    member = tarfile.TarInfo()
    member.type, member.linkname, member.mode = kind, target, mode
    return member


def symlink(target: str) -> tarfile.TarInfo:
    return special(tarfile.SYMTYPE, target)


def hard_link(target: str) -> tarfile.TarInfo:
    return special(tarfile.LNKTYPE, target)


def layer(members: Mapping[str, Content] | Sequence[tuple[str, Content]], mode: int = 0o755) -> bytes:
    """A tar file; names that end in / are folders."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, content in members.items() if isinstance(members, Mapping) else members:
            if isinstance(content, tarfile.TarInfo):
                content.name = name
                archive.addfile(content)
                continue
            member = tarfile.TarInfo(name.rstrip("/"))
            data = content.encode() if isinstance(content, str) else content
            member.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            member.size, member.mode = len(data), mode
            archive.addfile(member, io.BytesIO(data))
    return target.getvalue()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def config(layers: Sequence[bytes], architecture: str = "amd64", **run: object) -> bytes:
    """An image's configuration; ``run`` has keys such as Entrypoint."""
    content = {
        "architecture": architecture,
        "os": "linux",
        "config": {"Entrypoint": ["/app/server"], **run},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(one)}" for one in layers]},
    }
    return json.dumps(content).encode()


class Layout:
    """The files of an OCI layout while it is made."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}

    def blob(self, data: bytes, **keys: object) -> dict[str, Any]:
        """Add ``data`` as a blob; return its descriptor."""
        self.files[f"blobs/sha256/{sha256(data)}"] = data
        return {"digest": f"sha256:{sha256(data)}", "size": len(data), **keys}

    def manifest(
        self, layers: Sequence[bytes], configuration: bytes, compression: str = "+gzip"
    ) -> dict[str, Any]:
        """Add an image; return its descriptor."""
        content = {
            "schemaVersion": 2,
            "config": self.blob(configuration),
            "layers": [
                self.blob(
                    COMPRESS[compression](one),
                    mediaType=f"application/vnd.oci.image.layer.v1.tar{compression}",
                )
                for one in layers
            ],
        }
        return self.blob(json.dumps(content).encode(), mediaType="application/vnd.oci.image.manifest.v1+json")

    def write(self, path: Path, manifests: Sequence[Mapping[str, Any]]) -> Path:
        """The layout as a tar file, with ``manifests`` in its index."""
        self.files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": list(manifests)}).encode()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(layer(self.files))
        return path


def oci(path: Path, layers: Sequence[bytes], compression: str = "+gzip", **run: object) -> Path:
    """An archive of an OCI layout with one image."""
    layout = Layout()
    return layout.write(path, [layout.manifest(layers, config(layers, **run), compression)])


def docker(path: Path, layers: Sequence[bytes], **run: object) -> Path:
    """An archive as `docker image save` wrote it before Docker 25; a repeated layer is a symlink."""
    configuration = config(layers, **run)
    members: dict[str, Content] = {f"{sha256(configuration)}.json": configuration}
    names, known = [], dict[bytes, str]()
    for number, one in enumerate(layers):
        names.append(f"layer{number}/layer.tar")
        members[names[-1]] = symlink(f"../{known[one]}") if one in known else one
        known.setdefault(one, names[-1])
    manifest = [{"Config": f"{sha256(configuration)}.json", "RepoTags": ["x:1"], "Layers": names}]
    members["manifest.json"] = json.dumps(manifest)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(layer(members))
    return path

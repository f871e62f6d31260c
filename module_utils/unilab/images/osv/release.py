"""OSv's published kernel: downloaded once, pinned by its SHA-256, and refused when it changes.

``requirements/osv.json`` names the release. Its ``sha256`` is written by ``make osv-lock``, when a maintainer
has verified a download. Where it is empty, the first download's hash is pinned in a lock file beside the
results, and later downloads must have it too. A digest that the publisher gives is checked in both cases
(GitHub's REST API, "Get a release": ``assets[].digest``, "sha256:" and the hash).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import requests
from ansible.module_utils.unilab.images.osv.loader import loader_kind

from contracts.errors import InputError
from contracts.store.files import write_atomically

DOWNLOAD_MAX_BYTES = 64 << 20
UNPACKED_MAX_BYTES = 256 << 20
DIGESTS_MAX_BYTES = 8 << 20
CONNECT_TIMEOUT_S, READ_TIMEOUT_S, TOTAL_TIMEOUT_S = 10, 30, 600
REMEDY = (
    "check the network or the proxy and run the same command again, or give a kernel with OSV_LOADER=PATH"
)
_CHUNK_BYTES = 1 << 16


@dataclass(frozen=True)
class Release:
    """What is downloaded.

    Attributes:
        release: the tag, for people.
        url: the file, packed by gzip where its name ends in .gz.
        digests: GitHub's description of the release, "" where there is none.
        sha256: of the file at ``url``, hexadecimal; "" where no maintainer has verified it.
    """

    release: str
    url: str
    digests: str
    sha256: str


@dataclass(frozen=True)
class Kernel:
    """A kernel that is there now.

    Attributes:
        path: the unpacked kernel.
        sha256, size_bytes: of the file as it was downloaded.
        downloaded: whether that was now.
        pinned_by: what the hash was compared with: the project, the publisher, an earlier download, or
            nothing yet.
    """

    path: Path
    release: str
    url: str
    sha256: str
    size_bytes: int
    downloaded: bool
    pinned_by: str


class DownloadError(Exception):
    """The kernel cannot be had; the message says why, in one line without a remedy."""


def read_release(path: Path) -> Release:
    """Read ``requirements/osv.json``, or a file like it. Raises InputError for anything else."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        release = Release(**values)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(path, "", f"no description of a release ({error})", "restore it from git") from None
    if not all(isinstance(value, str) for value in asdict(release).values()):
        raise InputError(path, "", "a value is not text", "restore it from git")
    if not re.fullmatch(r"https?://[^\s/]+/\S+", release.url):
        raise InputError(path, "url", "no address of a file", "give https://HOST/PATH")
    if release.sha256 and not re.fullmatch(r"[0-9a-f]{64}", release.sha256):
        raise InputError(path, "sha256", "no SHA-256 in hexadecimal", "run make osv-lock, or leave it empty")
    return release


def fetch(release: Release, folder: Path, lock: Path) -> Kernel:
    """Return the kernel of ``release``, from ``folder`` where it was downloaded before.

    Args:
        folder: where downloads are kept.
        lock: the file of pinned hashes beside the results; the first download's hash is added to it.

    Raises DownloadError where the file cannot be had, is not whole, or has another hash than before, and
    InputError where the lock file is damaged. Nothing is kept of a download that failed.
    """
    kept = cached(release, folder, lock)
    if kept:
        return kept
    pins = read_lock(lock)
    pinned, by = _pin(release, pins)
    folder.mkdir(parents=True, exist_ok=True)
    with _aside(folder) as (partial, stream):
        sha256 = _download(release.url, stream)
        _require_same(sha256, pinned, by)
        published = _published_digest(release)
        if published:
            _require_same(sha256, published, "the publisher")
        packed = folder / f"{sha256[:12]}-{_file_name(release)}"
        # The packed file comes last: it is what a later run looks for.
        _keep_unpacked(partial, release, packed)
        partial.replace(packed)
    if not pinned:
        write_atomically(lock, json.dumps(pins | {release.url: sha256}, indent=2) + "\n")
    by = by or ("the publisher" if published else "")
    return _kernel(release, packed, sha256, downloaded=True, pinned_by=by)


def cached(release: Release, folder: Path, lock: Path) -> Kernel | None:
    """The kernel of ``release`` that was downloaded before, None where there is none. Raises InputError."""
    pinned, by = _pin(release, read_lock(lock))
    packed = folder / f"{pinned[:12]}-{_file_name(release)}"
    if not pinned or not packed.is_file() or _sha256(packed) != pinned:
        return None
    return _kernel(release, packed, pinned, downloaded=False, pinned_by=by)


def write_project_pin(path: Path, lock: Path) -> str:
    """Write the hash that ``lock`` has of the release in ``path`` into ``path``; return it.

    Raises InputError where nothing was downloaded yet.
    """
    release = read_release(path)
    sha256 = read_lock(lock).get(release.url, "")
    if not sha256:
        raise InputError(
            lock, release.url, "no download is recorded", "run make demo once, and verify the kernel"
        )
    write_atomically(path, json.dumps(asdict(release) | {"sha256": sha256}, indent=2) + "\n")
    return sha256


def read_lock(lock: Path) -> dict[str, str]:
    """Hashes of earlier downloads, address to SHA-256; empty without a file. Raises InputError if damaged."""
    if not lock.exists():
        return {}
    try:
        pins = json.loads(lock.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(lock, "", f"cannot be read ({error})", _LOCK_REMEDY) from None
    if not isinstance(pins, dict) or not all(
        re.fullmatch(r"[0-9a-f]{64}", str(pin)) for pin in pins.values()
    ):
        raise InputError(lock, "", "holds something other than hashes", _LOCK_REMEDY)
    return {str(url): str(pin) for url, pin in pins.items()}


_LOCK_REMEDY = "restore it, or remove it to trust the next download"


def _pin(release: Release, pins: dict[str, str]) -> tuple[str, str]:
    if release.sha256:
        return release.sha256, "the project"
    return (pins[release.url], "an earlier download") if release.url in pins else ("", "")


def _require_same(sha256: str, wanted: str, by: str) -> None:
    if wanted and sha256 != wanted:
        raise DownloadError(f"the file has SHA-256 {sha256}, and {by} has {wanted}")


def _file_name(release: Release) -> str:
    return release.url.partition("?")[0].rsplit("/", 1)[-1]


@contextmanager
def _aside(folder: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    """A file that is removed unless it was renamed."""
    handle, name = tempfile.mkstemp(dir=folder, prefix=".partial-")
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield partial, stream
    finally:
        partial.unlink(missing_ok=True)


def _download(url: str, stream: IO[bytes]) -> str:
    """Write the file at ``url`` to ``stream``, sync it, and return its SHA-256."""
    digest, received, began_s = hashlib.sha256(), 0, time.monotonic()
    try:
        # identity: the hash is that of the file, and not of what a server makes of it.
        with requests.get(
            url,
            stream=True,
            timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
            headers={"Accept-Encoding": "identity"},
        ) as answer:
            if answer.status_code != 200:
                raise DownloadError(f"{url} answers {answer.status_code} {answer.reason}".rstrip())
            for chunk in answer.iter_content(_CHUNK_BYTES):
                received += len(chunk)
                if received > DOWNLOAD_MAX_BYTES:
                    raise DownloadError(f"{url} is larger than {DOWNLOAD_MAX_BYTES >> 20} MiB")
                if time.monotonic() - began_s > TOTAL_TIMEOUT_S:
                    raise DownloadError(f"{url} did not end within {TOTAL_TIMEOUT_S} s")
                digest.update(chunk)
                stream.write(chunk)
            announced = answer.headers.get("Content-Length", "")
    except requests.RequestException as error:
        raise DownloadError(f"{url} cannot be downloaded: {_reason(error)}") from None
    if announced.isdigit() and int(announced) != received:
        raise DownloadError(f"{url} ended after {received} of {announced} bytes")
    stream.flush()
    os.fsync(stream.fileno())
    return digest.hexdigest()


def _reason(error: BaseException) -> str:
    """The innermost message of an error of requests, which wraps those of urllib3 and of sockets."""
    inner: Any = error
    for _ in range(8):
        nested = getattr(inner, "reason", None) or next(
            (each for each in inner.args if isinstance(each, BaseException)), None
        )
        if not isinstance(nested, BaseException):
            break
        inner = nested
    text = re.sub(r"<[^>]* object at 0x[0-9a-f]+>:? ?", "", str(inner)).strip()
    return text or type(inner).__name__


def _published_digest(release: Release) -> str:
    """The SHA-256 that the publisher gives for the file, "" where none can be had."""
    if not release.digests:
        return ""
    try:
        with requests.get(
            release.digests, stream=True, timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S)
        ) as answer:
            if answer.status_code != 200:
                return ""
            text = b"".join(answer.iter_content(DIGESTS_MAX_BYTES))[:DIGESTS_MAX_BYTES]
        assets = json.loads(text).get("assets", [])
        given = [asset.get("digest") or "" for asset in assets if asset.get("name") == _file_name(release)]
    except (requests.RequestException, ValueError, AttributeError, TypeError):
        return ""
    found = re.fullmatch(r"sha256:([0-9a-f]{64})", given[0]) if given else None
    return found[1] if found else ""


def _keep_unpacked(downloaded: Path, release: Release, packed: Path) -> None:
    """Keep the kernel of a download under its own name, unpacked once, where the file is packed.

    Raises DownloadError unless ``downloaded`` holds a kernel of OSv; nothing is kept then.
    """
    path = _unpacked_path(packed)
    if path == packed:
        _require_kernel(downloaded, release)
        return
    with _aside(packed.parent) as (partial, _):
        _unpack(downloaded, release, partial)
        _require_kernel(partial, release)
        partial.replace(path)


def _require_kernel(path: Path, release: Release) -> None:
    try:
        loader_kind(path)
    except InputError as error:
        raise DownloadError(f"{release.url} is no kernel of OSv: {error.problem}") from None


def _unpacked_path(packed: Path) -> Path:
    return packed.with_name(packed.name.removesuffix(".gz"))


def _kernel(release: Release, packed: Path, sha256: str, *, downloaded: bool, pinned_by: str) -> Kernel:
    path = _unpacked_path(packed)
    if not path.is_file():
        with _aside(packed.parent) as (partial, _):
            _unpack(packed, release, partial)
            partial.replace(path)
    size_bytes = packed.stat().st_size
    return Kernel(path, release.release, release.url, sha256, size_bytes, downloaded, pinned_by)


def _unpack(packed: Path, release: Release, path: Path) -> None:
    written = 0
    try:
        with gzip.open(packed) as source, path.open("wb") as target:
            while chunk := source.read(_CHUNK_BYTES):
                written += len(chunk)
                if written > UNPACKED_MAX_BYTES:
                    raise DownloadError(f"{release.url} unpacks to more than {UNPACKED_MAX_BYTES >> 20} MiB")
                target.write(chunk)
            target.flush()
            os.fsync(target.fileno())
    except (OSError, EOFError, zlib.error) as error:
        raise DownloadError(f"{release.url} cannot be unpacked: {error}") from None


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

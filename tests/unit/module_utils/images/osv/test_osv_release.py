"""OSv's published kernel: downloaded from a local server that stands for the publisher's."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ansible.module_utils.unilab.images.osv import release as osv_release
from ansible.module_utils.unilab.images.osv.release import DownloadError, Release, fetch, read_release
from loaders import kernel

from contracts.errors import InputError


@dataclass
class Publisher:
    """An HTTP server on 127.0.0.1 with ``files``, path to (status, body, announced length)."""

    address: str
    files: dict[str, tuple[int, bytes, int]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def publish(self, name: str, body: bytes, status: int = 200, announced: int | None = None) -> str:
        self.files[f"/{name}"] = (status, body, len(body) if announced is None else announced)
        return f"{self.address}/{name}"


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            publisher.asked.append(self.path)
            status, body, announced = publisher.files.get(self.path, (404, b"", 0))
            self.send_response(status)
            self.send_header("Content-Length", str(announced))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    publisher = Publisher(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield publisher
    server.shutdown()
    server.server_close()


@pytest.fixture
def packed(tmp_path: Path) -> bytes:
    return gzip.compress(kernel(tmp_path / "kernel").read_bytes(), mtime=0)


def release_of(url: str, *, sha256: str = "", digests: str = "") -> Release:
    return Release("v9", url, digests, sha256)


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*")) if folder.exists() else []


def test_first_download_is_unpacked_and_its_hash_pinned(
    publisher: Publisher, packed: bytes, tmp_path: Path
) -> None:
    release = release_of(publisher.publish("osv.elf.gz", packed))
    got = fetch(release, tmp_path / "osv", tmp_path / "results/osv.lock.json")
    sha256 = hashlib.sha256(packed).hexdigest()
    assert got.path.read_bytes() == gzip.decompress(packed)
    assert (got.sha256, got.size_bytes, got.downloaded, got.pinned_by) == (sha256, len(packed), True, "")
    assert json.loads((tmp_path / "results/osv.lock.json").read_text()) == {release.url: sha256}


def test_a_download_is_unpacked_once(
    publisher: Publisher, packed: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []
    really_open = gzip.open
    monkeypatch.setattr(osv_release.gzip, "open", lambda path: opened.append(path) or really_open(path))
    release = release_of(publisher.publish("osv.elf.gz", packed))
    first = fetch(release, tmp_path / "osv", tmp_path / "lock")
    fetch(release, tmp_path / "osv", tmp_path / "lock")
    assert len(opened) == 1
    # Where only the packed file is left, the kernel is unpacked from it again.
    first.path.unlink()
    assert fetch(release, tmp_path / "osv", tmp_path / "lock").path.read_bytes() == gzip.decompress(packed)
    assert len(opened) == 2 and files_in(tmp_path / "osv") == sorted(
        [first.path.name, f"{first.path.name}.gz"]
    )


def test_second_run_downloads_nothing(publisher: Publisher, packed: bytes, tmp_path: Path) -> None:
    release = release_of(publisher.publish("osv.elf.gz", packed))
    first = fetch(release, tmp_path / "osv", tmp_path / "lock")
    second = fetch(release, tmp_path / "osv", tmp_path / "lock")
    assert publisher.asked == ["/osv.elf.gz"]
    assert second.path == first.path and not second.downloaded and second.pinned_by == "an earlier download"


def test_another_file_under_the_same_name_is_refused(
    publisher: Publisher, packed: bytes, tmp_path: Path
) -> None:
    release = release_of(publisher.publish("osv.elf.gz", packed))
    kept = fetch(release, tmp_path / "osv", tmp_path / "lock")
    publisher.publish("osv.elf.gz", gzip.compress(gzip.decompress(packed), mtime=1))
    with pytest.raises(DownloadError, match="and an earlier download has"):
        fetch(release, tmp_path / "elsewhere", tmp_path / "lock")
    assert files_in(tmp_path / "elsewhere") == []
    assert json.loads((tmp_path / "lock").read_text()) == {release.url: kept.sha256}


def test_project_hash_is_checked_before_anything_is_kept(
    publisher: Publisher, packed: bytes, tmp_path: Path
) -> None:
    release = release_of(publisher.publish("osv.elf.gz", packed), sha256="0" * 64)
    with pytest.raises(DownloadError, match=f"and the project has {'0' * 64}"):
        fetch(release, tmp_path / "osv", tmp_path / "lock")
    assert files_in(tmp_path / "osv") == [] and not (tmp_path / "lock").exists()


@pytest.mark.parametrize("matches", [True, False])
def test_publishers_digest_is_checked(
    publisher: Publisher, packed: bytes, tmp_path: Path, matches: bool
) -> None:
    sha256 = hashlib.sha256(packed).hexdigest() if matches else "1" * 64
    described = {"assets": [{"name": "osv.elf.gz", "digest": f"sha256:{sha256}"}]}
    digests = publisher.publish("release.json", json.dumps(described).encode())
    release = release_of(publisher.publish("osv.elf.gz", packed), digests=digests)
    if matches:
        assert fetch(release, tmp_path / "osv", tmp_path / "lock").pinned_by == "the publisher"
        return
    with pytest.raises(DownloadError, match="and the publisher has 1111"):
        fetch(release, tmp_path / "osv", tmp_path / "lock")
    assert files_in(tmp_path / "osv") == []


@pytest.mark.parametrize(
    "described", [b"", b"[]", b"{", b'{"assets": [{"name": "osv.elf.gz", "digest": null}]}']
)
def test_description_without_a_digest_is_passed_over(
    publisher: Publisher, packed: bytes, tmp_path: Path, described: bytes
) -> None:
    digests = publisher.publish("release.json", described)
    release = release_of(publisher.publish("osv.elf.gz", packed), digests=digests)
    assert fetch(release, tmp_path / "osv", tmp_path / "lock").downloaded


def test_kernel_that_is_not_packed_is_used_as_it_is(publisher: Publisher, tmp_path: Path) -> None:
    content = kernel(tmp_path / "kernel").read_bytes()
    got = fetch(release_of(publisher.publish("loader.elf", content)), tmp_path / "osv", tmp_path / "lock")
    assert got.path.read_bytes() == content


FAULTS = {
    "missing": (lambda p, body: p.publish("osv.elf.gz", b"", 404), "answers 404"),
    "server error": (lambda p, body: p.publish("osv.elf.gz", b"", 503), "answers 503"),
    "truncated": (
        lambda p, body: p.publish("osv.elf.gz", body[:50], announced=len(body)),
        "bytes|IncompleteRead",
    ),
    "no gzip": (lambda p, body: p.publish("osv.elf.gz", b"<html>proxy</html>"), "cannot be unpacked"),
    "half a gzip": (lambda p, body: p.publish("osv.elf.gz", body[: len(body) // 2]), "cannot be unpacked"),
    "no kernel": (lambda p, body: p.publish("osv.elf.gz", gzip.compress(b"text")), "is no kernel of OSv"),
    "nobody listens": (lambda p, body: "http://127.0.0.1:9/osv.elf.gz", "cannot be downloaded"),
    "no such host": (lambda p, body: "http://host.invalid/osv.elf.gz", "cannot be downloaded"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_of_the_network_gives_one_line_and_keeps_nothing(
    publisher: Publisher, packed: bytes, tmp_path: Path, fault: str
) -> None:
    publish, message = FAULTS[fault]
    with pytest.raises(DownloadError, match=message) as raised:
        fetch(release_of(publish(publisher, packed)), tmp_path / "osv", tmp_path / "lock")
    assert "\n" not in str(raised.value) and " object at 0x" not in str(raised.value)
    assert files_in(tmp_path / "osv") == [] and not (tmp_path / "lock").exists()


def test_a_proxy_that_does_not_answer_is_reported(
    publisher: Publisher, packed: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(DownloadError, match="cannot be downloaded"):
        fetch(release_of(publisher.publish("osv.elf.gz", packed)), tmp_path / "osv", tmp_path / "lock")
    assert publisher.asked == []


def test_a_file_larger_than_the_limit_is_refused(
    publisher: Publisher, packed: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(osv_release, "DOWNLOAD_MAX_BYTES", 50)
    with pytest.raises(DownloadError, match="is larger than"):
        fetch(release_of(publisher.publish("osv.elf.gz", packed)), tmp_path / "osv", tmp_path / "lock")


def test_a_file_that_unpacks_to_too_much_is_refused(
    publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(osv_release, "UNPACKED_MAX_BYTES", 1 << 20)
    bomb = gzip.compress(bytes(2 << 20))
    with pytest.raises(DownloadError, match="unpacks to more than 1 MiB"):
        fetch(release_of(publisher.publish("osv.elf.gz", bomb)), tmp_path / "osv", tmp_path / "lock")
    assert files_in(tmp_path / "osv") == []


def test_lock_of_the_project_is_written_from_the_first_download(
    publisher: Publisher, packed: bytes, tmp_path: Path
) -> None:
    url = publisher.publish("osv.elf.gz", packed)
    path = tmp_path / "osv.json"
    path.write_text(json.dumps({"release": "v9", "url": url, "digests": "", "sha256": ""}))
    with pytest.raises(InputError, match="no download is recorded"):
        osv_release.write_project_pin(path, tmp_path / "lock")
    fetch(read_release(path), tmp_path / "osv", tmp_path / "lock")
    sha256 = osv_release.write_project_pin(path, tmp_path / "lock")
    assert read_release(path).sha256 == sha256 == hashlib.sha256(packed).hexdigest()


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', '{"a": "short"}'])
def test_a_damaged_lock_is_refused_with_the_remedy(
    publisher: Publisher, packed: bytes, tmp_path: Path, text: str
) -> None:
    (tmp_path / "lock").write_text(text)
    with pytest.raises(InputError, match="Remedy: restore it, or remove it"):
        fetch(release_of(publisher.publish("osv.elf.gz", packed)), tmp_path / "osv", tmp_path / "lock")


def test_the_projects_own_description_is_whole() -> None:
    release = read_release(Path(__file__).parents[5] / "requirements/osv.json")
    assert release.release in release.url and release.url.startswith("https://")

"""Without a named kernel, site.yml's first part downloads OSv's published one: here from a local server."""

from __future__ import annotations

import functools
import gzip
import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from loaders import kernel

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def release(tmp_path: Path) -> Iterator[Path]:
    """A description of a release that a server on 127.0.0.1 publishes."""
    served = tmp_path / "served"
    served.mkdir()
    (served / "osv.elf.gz").write_bytes(gzip.compress(kernel(tmp_path / "kernel").read_bytes()))
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(served))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/osv.elf.gz"
    described = {"release": "v9", "url": url, "digests": "", "sha256": ""}
    (tmp_path / "osv.json").write_text(json.dumps(described))
    yield tmp_path / "osv.json"
    server.shutdown()
    server.server_close()


def preflight(release: Path, results: Path) -> str:
    command = [
        *(Path(sys.executable).with_name("ansible-playbook"), "-i", "inventories/local"),
        *("playbooks/preflight.yml", "-e", "study=studies/smoke.yml", "-e", f"osv_release={release}"),
        *("-e", f"results_dir={results}"),
    ]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return " ".join(done.stdout.split())


def test_published_kernel_is_downloaded_and_pinned(release: Path, tmp_path: Path) -> None:
    output = preflight(release, tmp_path / "results")
    assert "OSv v9, 0.0 MB from http://127.0.0.1" in output and "first download, pinned from now on" in output
    assert "osv-qemu will not run" not in output
    (sha256,) = json.loads((tmp_path / "results/osv.lock.json").read_text()).values()
    kept = PROJECT / f".cache/osv/{sha256[:12]}-osv.elf"
    assert kept.is_file()
    kept.unlink()
    kept.with_suffix(".elf.gz").unlink()


def test_study_goes_on_without_osv_where_it_cannot_be_downloaded(release: Path, tmp_path: Path) -> None:
    (tmp_path / "served/osv.elf.gz").unlink()
    output = preflight(release, tmp_path / "results")
    assert "osv-qemu will not run: http://127.0.0.1" in output and "answers 404" in output
    assert "Remedy: give the same command again where OSv's releases can be reached" in output
    assert not (tmp_path / "results").exists()

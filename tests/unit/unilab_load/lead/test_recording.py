"""Reference responses from a running service: what varies is found, the rest stays exact."""

from __future__ import annotations

import base64
import itertools
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

Load = Callable[[str], Any]


def recorded(load: Load, *bodies: bytes) -> Any:
    kind = load("wire.exchange").Response
    return load("lead.recording").recorded("GET", "/", [kind(200, "a/b", body) for body in bodies])


def spans(row: Any, body: bytes) -> list[tuple[bytes, str, int, int]]:
    return [(body[span.start : span.end], span.kind, span.least, span.most) for span in row.response.spans]


def test_equal_responses_stay_exact(load: Load) -> None:
    assert recorded(load, b"same", b"same", b"same").response.spans == ()


@pytest.mark.parametrize(
    ("bodies", "wanted"),
    [
        ([b'{"id":9}', b'{"id":10}', b'{"id":11}'], [(b"9", "digits", 1, 4)]),
        ([b"v=0af3;", b"v=11c9;"], [(b"0af3", "hex", 4, 4)]),
        (
            [b'{"t":"20:00:01","n":"a1"}', b'{"t":"20:00:02","n":"zz"}'],
            [(b"01", "digits", 2, 2), (b"a1", "word", 2, 2)],
        ),
        ([b"<p>one</p>", b"<p>two three</p>"], [(b"one", "time", 1, 18)]),
        ([b"x\x00\x01y", b"x\xff\xfey"], [(b"\x00\x01", "bytes", 2, 2)]),
    ],
)
def test_what_differs_becomes_a_span_of_the_narrowest_kind(
    bodies: list[bytes], wanted: list[tuple[bytes, str, int, int]], load: Load
) -> None:
    row = recorded(load, *bodies)
    assert spans(row, bodies[0]) == wanted
    assert all(row.response.has_body(body) for body in bodies)


def test_another_status_or_content_type_is_refused(load: Load) -> None:
    kind, error = load("wire.exchange").Response, load("worker.plan").InputError
    with pytest.raises(error, match=r"GET /: status 500 after 200\. Remedy"):
        load("lead.recording").recorded("GET", "/", [kind(200, "a/b", b""), kind(500, "a/b", b"")])


def test_a_long_body_is_compared_by_its_ends(load: Load) -> None:
    start, end = b"a " * 150_000, b" z" * 1000
    row = recorded(load, start + b"17" + end, start + b"18" + end)
    assert spans(row, start + b"17" + end) == [(b"17", "digits", 2, 2)]


class Service(BaseHTTPRequestHandler):
    counter = itertools.count()

    def do_GET(self) -> None:
        bodies = {"/fixed": b"right", "/picture": b"\x89PNG\xff", "/count": b'{"n":%d}' % next(self.counter)}
        body = bodies[self.path]
        self.send_response(200)
        self.send_header("Content-Type", "a/b")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture
def host() -> Iterator[str]:
    Service.counter = itertools.count(5)  # /count has 8, 9 and 10
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


LOCUSTFILE = """
from unilab_load.request import get
from unilab_load.user import FastUser


class Reader(FastUser):
    read = get("/fixed", weight=3)
    count = get("/count")
    picture = get("/picture")
"""


@pytest.fixture
def command(tmp_path: Path, host: str) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command in a process of its own: Locust replaces parts of Python's library where it is imported."""
    (tmp_path / "reader.py").write_text(LOCUSTFILE)
    fixed = ["-f", "reader.py", "-H", host, "--output", "responses.json", "--pause-s", "0"]

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "unilab_load.record", *fixed, *words],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    return run


def test_responses_of_a_service_are_recorded_and_can_be_loaded(
    command: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, load: Load
) -> None:
    done = command("--accept")
    assert done.returncode == 0, done.stderr
    assert "GET /count: bytes 5 to " in done.stdout
    path = tmp_path / "responses.json"
    rows = {row["path"]: row for row in json.loads(path.read_text())}
    assert rows["/fixed"] == {
        "method": "GET",
        "path": "/fixed",
        "status": 200,
        "content_type": "a/b",
        "body": "right",
    }
    assert base64.b64decode(rows["/picture"]["body_base64"]) == b"\x89PNG\xff"
    found = {row.path: row.response for row in load("lead.reference").load_reference(path, {})}
    assert found["/count"].has_body(b'{"n":999}') and not found["/count"].has_body(b'{"n":"x"}')
    assert found["/picture"].body == b"\x89PNG\xff"


def test_a_guess_that_nobody_agreed_to_writes_nothing(
    command: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    done = command()
    assert done.returncode == 2 and "--accept agrees to all" in done.stderr
    assert not (tmp_path / "responses.json").exists()


@pytest.mark.parametrize(
    ("varying", "problem"),
    [
        ([{"start": 0}], "key varying: 'end'"),
        ("all", "key varying: "),
        ([{"start": 0, "end": 9, "kind": "text", "least": 1, "most": 9}], "beyond the body"),
    ],
)
def test_wrong_spans_of_a_file_are_refused(varying: Any, problem: str, tmp_path: Path, load: Load) -> None:
    row = {
        "method": "GET",
        "path": "/",
        "status": 200,
        "content_type": "",
        "body": "right",
        "varying": varying,
    }
    (tmp_path / "responses.json").write_text(json.dumps([row]))
    with pytest.raises(load("worker.plan").InputError, match=problem):
        load("lead.reference").load_reference(tmp_path / "responses.json", {})

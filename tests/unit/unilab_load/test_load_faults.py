"""Runs of the load generator against targets that misbehave, and in more than one process."""

from __future__ import annotations

import asyncio
import csv
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

LOCUSTFILES = Path(__file__).parents[3] / "locustfiles"
BODY = b'{"right":1}'
HEAD = b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\n"
RIGHT = HEAD + b"Content-Length: 11\r\n\r\n" + BODY
IDENTITY = b'{"service": "s", "nonce": "n1", "artifact": "a1", "threads": 1}'
USERS = 4


@dataclass(frozen=True)
class Asked:
    """The ``number``-th loaded request of all, on one of the server's connections."""

    number: int
    connection: int
    head: bytes
    body: bytes

    @property
    def words(self) -> tuple[str, str]:
        method, path, _ = self.head.decode().split(" ", 2)
        return method, path


# What a script answers: the bytes, and whether the connection ends after them: by a half-close, where the
# server goes on listening to what else may come.
Answer = tuple[bytes, bool]
Script = Callable[[Asked], Awaitable[Answer]]


class Target:
    """An HTTP server of one thread that keeps to a script, and remembers all loaded requests.

    The check before the load is answered rightly and not remembered: it requests each of ``checks`` entries
    of the reference once, in order, before anything else but the identity.
    """

    def __init__(self, script: Script) -> None:
        self.script = script
        self.asked: list[Asked] = []
        self.checks = 1
        self.checked: list[bytes] = []
        self.port = 0
        self._numbers, self._connections = itertools.count(1), itertools.count(1)
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.call(self.open())

    def call(self, work: Coroutine[Any, Any, None]) -> None:
        """Do ``work`` in the server's thread."""
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def soon(self, work: Coroutine[Any, Any, None]) -> None:
        """Do ``work`` in the server's thread, after what it does now."""
        asyncio.run_coroutine_threadsafe(work, self._loop)

    def stop(self) -> None:
        self.call(self.kill())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def kill(self) -> None:
        """Stop listening and break every connection, as a process does that dies."""
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.sleep(0.05)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = next(self._connections)
        self._writers.add(writer)
        with suppress(asyncio.IncompleteReadError, OSError):
            ends = False
            while not ends:
                head = await reader.readuntil(b"\r\n\r\n")
                fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
                body = await reader.readexactly(int(fields.get(b"content-length", 0)))
                answer, ends = RIGHT, fields.get(b"connection") == b"close"
                if b" /identity " in head:
                    answer = HEAD + b"Content-Length: %d\r\n\r\n" % len(IDENTITY) + IDENTITY
                elif len(self.checked) < self.checks:
                    self.checked.append(head)
                else:
                    asked = Asked(next(self._numbers), connection, head, body)
                    self.asked.append(asked)
                    answer, half_closes = await self.script(asked)
                    ends = ends or half_closes
                writer.write(answer)
            writer.write_eof()
            await reader.read()
        self._writers.discard(writer)
        writer.close()


def script(answer: Callable[[Asked], Answer | bytes] = lambda _: RIGHT, delay_s: float = 0.002) -> Script:
    """Answer by ``answer`` after a delay; bytes alone leave the connection open."""

    async def answered(asked: Asked) -> Answer:
        await asyncio.sleep(delay_s)
        found = answer(asked)
        return (found, False) if isinstance(found, bytes) else found

    return answered


@pytest.fixture
def serve() -> Iterator[Callable[[Script], Target]]:
    targets: list[Target] = []

    def start(script: Script) -> Target:
        targets.append(Target(script))
        return targets[-1]

    yield start
    for target in targets:
        target.stop()


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., list[str]]:
    """The command line of a load; ``users`` is the body of the locustfile's user class."""

    def build(
        port: int,
        *more: str,
        body: str = "ask = get('/todos')",
        answers: tuple[tuple[str, str], ...] = (("GET", "/todos"),),
        **changes: str,
    ) -> list[str]:
        (tmp_path / "some_load.py").write_text(
            f"import os, sys\nsys.path.insert(0, {str(LOCUSTFILES)!r})\n"
            "from unilab_load.request import delete, get, post, put\n"
            "from unilab_load.user import FastUser\n"
            f"class Some(FastUser):\n    {body}\n"
        )
        rows = [
            {
                "method": method,
                "path": path,
                "status": 200,
                "content_type": "application/json",
                "body": BODY.decode(),
            }
            for method, path in answers
        ]
        (tmp_path / "responses.json").write_text(json.dumps(rows))
        options = {
            "users": str(USERS),
            "host": f"http://127.0.0.1:{port}",
            "timeout-s": "5",
            "responses": str(tmp_path / "responses.json"),
            "output": str(tmp_path / "out"),
            **{key.replace("_", "-"): value for key, value in changes.items()},
        }
        words = [sys.executable, "-m", "locust", "-f", str(tmp_path / "some_load.py"), "--headless"]
        return [*words, *(f"--{name}={value}" for name, value in options.items()), "--only-summary", *more]

    return build


def _run(words: list[str], timeout_s: float = 30) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, timeout=timeout_s, check=False)


def _told(folder: Path) -> tuple[dict[str, str], dict[str, Any]]:
    content = json.loads((folder / "out" / "load.json").read_text())
    return content["outcome"], content["load"]


def _completed(words: list[str], folder: Path) -> dict[str, Any]:
    done = _run(words)
    assert done.returncode == 0, done.stderr
    outcome, load = _told(folder)
    assert outcome == {"state": "completed", "why": ""}
    return load


def _logged(folder: Path) -> int:
    """How many latencies are in latency.hlog."""
    reader = HistogramLogReader(str(folder / "out" / "latency.hlog"), HdrHistogram(1, 3_600_000_000, 3))
    count = 0
    while (interval := reader.get_next_interval_histogram()) is not None:
        count += interval.get_total_count()
    reader.close()
    return count


# Targets that misbehave.


def test_load_continues_after_the_target_restarts(serve: Any, command: Any, tmp_path: Path) -> None:
    back_at: list[int] = []

    async def restart() -> None:
        await target.kill()
        await asyncio.sleep(0.6)
        back_at.append(len(target.asked))
        await target.open()

    def answer(asked: Asked) -> bytes:
        if asked.number == 200:
            target.soon(restart())
        return RIGHT

    target = serve(script(answer))
    load = _completed(command(target.port, duration_s="3"), tmp_path)
    assert 200 <= back_at[0] < len(target.asked) - 100, "few requests came after the restart"
    assert set(load["errors"]) <= {"refused", "reset", "closed"}
    assert load["errors"]["refused"] >= USERS
    # Whose request was under way lost it; all others were answered.
    assert load["requests"] >= len(target.asked) - 2 * USERS


def _ends_half(asked: Asked) -> Answer:
    return b"", True


def _too_long(asked: Asked) -> Answer:
    return RIGHT.replace(b"Length: 11", b"Length: 12"), True


def _too_short(asked: Asked) -> bytes:
    return RIGHT.replace(b"Length: 11", b"Length: 10")


def _cut(asked: Asked) -> Answer:
    return RIGHT[:-1], True


def _line_break(asked: Asked) -> bytes:
    return RIGHT + b"\r\n"


def _twice(asked: Asked) -> bytes:
    return RIGHT * 2


def _interim(asked: Asked) -> bytes:
    return b"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"


def test_responses_that_end_wrong_are_closed_or_protocol_errors(
    serve: Any, command: Any, tmp_path: Path
) -> None:
    closed, protocol = [_ends_half, _too_long, _cut], [_too_short, _line_break, _twice, _interim]
    wrong: list[Callable[[Asked], Any]] = [*closed, *protocol]
    target = serve(script(lambda asked: RIGHT if asked.number % 10 else wrong[asked.number // 10 % 7](asked)))
    load = _completed(command(target.port, requests="350"), tmp_path)
    assert load["errors"] == {"closed": 5 * len(closed), "protocol": 5 * len(protocol)}
    assert load["requests"] == 315 == _logged(tmp_path)
    assert len(target.asked) == 350


def test_right_responses_in_every_framing_are_right(serve: Any, command: Any, tmp_path: Path) -> None:
    chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\n" + BODY[:4] + b"\r\n7\r\n" + BODY[4:]
    shapes: list[Answer] = [
        (RIGHT, False),
        (chunked + b"\r\n0\r\n\r\n", False),
        (HEAD + b"\r\n" + BODY, True),
        (HEAD.replace(b"1.1", b"1.0", 1) + b"\r\n" + BODY, True),
        (RIGHT.replace(b"Content-L", b"Connection: close\r\ncontent-l"), True),
    ]
    target = serve(script(lambda asked: shapes[asked.number % len(shapes)]))
    load = _completed(command(target.port, requests="100"), tmp_path)
    assert load["errors"] == {} and load["requests"] == load["responses_checked"] == 100
    assert len(target.asked) == 100


def test_wrong_bodies_in_every_framing_are_wrong(serve: Any, command: Any, tmp_path: Path) -> None:
    wrong = BODY.replace(b"1", b"2")
    shapes: list[Answer] = [
        (RIGHT.replace(BODY, wrong), False),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nb\r\n" + wrong + b"\r\n0\r\n\r\n", False),
        (HEAD + b"\r\n" + wrong, True),
        (HEAD + b"\r\n" + BODY[:-1], True),
        (RIGHT, False),
    ]
    target = serve(script(lambda asked: shapes[asked.number % len(shapes)]))
    load = _completed(command(target.port, requests="100"), tmp_path)
    assert load["errors"] == {"body": 80} and load["requests"] == 20


# What users may ask for.


def test_each_request_has_its_connection_without_keep_alive(serve: Any, command: Any, tmp_path: Path) -> None:
    target = serve(script())
    words = command(target.port, requests="60", body="keep_alive = False\n    ask = get('/todos')")
    load = _completed(words, tmp_path)
    assert load["requests"] == 60 and load["errors"] == {}
    assert len({asked.connection for asked in target.asked}) == len(target.asked) == 60
    assert all(b"\r\nConnection: close\r\n" in asked.head for asked in target.asked)


def test_each_user_has_its_connection_with_keep_alive(serve: Any, command: Any, tmp_path: Path) -> None:
    target = serve(script())
    assert _completed(command(target.port, requests="60"), tmp_path)["requests"] == 60
    assert len({asked.connection for asked in target.asked}) == USERS


def test_requests_are_sent_as_written_and_by_weight(serve: Any, command: Any, tmp_path: Path) -> None:
    target = serve(script(delay_s=0))
    target.checks = 2
    words = command(
        target.port,
        requests="2000",
        body="many = get('/many', weight=3)\n"
        "    few = post('/few', b'\\0{}\\r\\n', headers={'X-Of': 'mine'}, name='f')",
        answers=(("GET", "/many"), ("POST", "/few")),
    )
    load = _completed(words, tmp_path)
    assert load["requests"] == 2000 and load["errors"] == {}
    counts = Counter(asked.words for asked in target.asked)
    assert set(counts) == {("GET", "/many"), ("POST", "/few")}
    # Five standard deviations of a binomial distribution are 97.
    assert counts["GET", "/many"] == pytest.approx(1500, abs=97)
    (check,) = [head for head in target.checked if head.startswith(b"POST /few ")]
    assert b"X-Of: mine" in check and b"Content-Length: 5" in check
    host = f"127.0.0.1:{target.port}".encode()
    for asked in target.asked:
        if asked.words[0] == "POST":
            assert asked.head == (
                b"POST /few HTTP/1.1\r\nHost: " + host + b"\r\nX-Of: mine\r\nContent-Length: 5\r\n\r\n"
            )
            assert asked.body == b"\0{}\r\n"
        else:
            assert asked.head == b"GET /many HTTP/1.1\r\nHost: " + host + b"\r\n\r\n"


def test_locusts_own_statistics_agree(serve: Any, command: Any, tmp_path: Path) -> None:
    target = serve(script(lambda asked: RIGHT if asked.number % 10 else (b"", True)))
    words = command(target.port, f"--csv={tmp_path / 'locust'}", requests="300")
    load = _completed(words, tmp_path)
    with (tmp_path / "locust_stats.csv").open() as stream:
        total = next(row for row in csv.DictReader(stream) if row["Name"] == "Aggregated")
    assert int(total["Request Count"]) == 300 == load["requests"] + load["errors"]["closed"]
    assert int(total["Failure Count"]) == load["errors"]["closed"] == 30
    assert float(total["Average Response Time"]) == pytest.approx(load["mean_response_ms"], rel=1e-6)
    assert float(total["Max Response Time"]) == pytest.approx(load["percentiles_ms"]["max"], rel=1e-6)
    with (tmp_path / "locust_failures.csv").open() as stream:
        assert [(row["Error"], row["Occurrences"]) for row in csv.DictReader(stream)] == [("closed", "30")]


# The open loop.


def test_open_loop_keeps_its_rate(serve: Any, command: Any, tmp_path: Path) -> None:
    target = serve(script())
    words = command(target.port, rate="200", arrivals="constant", duration_s="2", users="20")
    load = _completed(words, tmp_path)
    assert (load["loop"], load["rate_per_s"], load["arrivals"]) == ("open", 200, "constant")
    # What is answered after the window is not of it.
    assert load["requests"] == pytest.approx(400, abs=2) and load["unsent"] == 0
    assert len(target.asked) == 400 == _logged(tmp_path)
    assert load["own_lateness_ms"]["p50"] < 2 and load["little_residual"] is None


class _Stall:
    """All answers wait for a while, once; ``stalled_s`` is how long it was for the first of them."""

    def __init__(self, at: int, for_s: float) -> None:
        self.at, self.for_s, self.until_s, self.stalled_s = at, for_s, 0.0, 0.0

    async def __call__(self, asked: Asked) -> Answer:
        begin_s = time.monotonic()
        if asked.number == self.at:
            self.until_s = begin_s + self.for_s
        await asyncio.sleep(max(0.002, self.until_s - begin_s))
        if asked.number == self.at:
            self.stalled_s = time.monotonic() - begin_s
        return RIGHT, False


def test_open_loop_shows_a_stall_that_a_closed_one_hides(serve: Any, command: Any, tmp_path: Path) -> None:
    stall = _Stall(200, 1.0)
    target = serve(stall)
    words = command(target.port, rate="200", arrivals="constant", duration_s="3", users="300")
    load = _completed(words, tmp_path)
    seen_ms = load["percentiles_ms"]
    # A third of the requests fell due in the stall, evenly: the slowest 1 % of all waited 97 % of it.
    assert seen_ms["max"] == pytest.approx(1000 * stall.stalled_s, rel=0.05)
    assert 0.9 < seen_ms["p99"] / 1000 / stall.stalled_s < 1.02
    assert seen_ms["p90"] > 500 and load["unsent"] == 0

    stall = _Stall(200, 1.0)
    target = serve(stall)
    load = _completed(command(target.port, duration_s="2"), tmp_path)
    assert stall.stalled_s > 1 and load["percentiles_ms"]["max"] >= 900
    assert load["percentiles_ms"]["p90"] < 100 and load["percentiles_ms"]["p50"] < 50


def test_requests_wait_for_a_free_connection(serve: Any, command: Any, tmp_path: Path) -> None:
    # Two connections of 50 ms each do 40 a second of the 80 that fall due.
    target = serve(script(delay_s=0.05))
    words = command(target.port, rate="80", arrivals="constant", duration_s="2", users="2")
    load = _completed(words, tmp_path)
    assert load["unsent"] + len(target.asked) == 160
    assert load["unsent"] == pytest.approx(80, abs=8)
    # The last request sent was due when half of the time was over.
    assert load["lateness_ms"]["max"] == pytest.approx(1000, rel=0.15)
    assert load["percentiles_ms"]["max"] == pytest.approx(1000, rel=0.15)


# More than one process.


def _free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])


def _of_master(port: str) -> list[str]:
    return ["--master", "--expect-workers=2", "--master-bind-host=127.0.0.1", f"--master-bind-port={port}"]


def _workers(folder: Path, port: str, *more: str) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "locust", "-f", str(folder / "some_load.py"), "--worker", *more]
    return subprocess.Popen(
        [*words, "--master-host=127.0.0.1", f"--master-port={port}"],
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )


def _end(workers: list[subprocess.Popen[bytes]]) -> None:
    for process in workers:
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(5)


def test_two_workers_send_the_total_exactly(serve: Any, command: Any, tmp_path: Path) -> None:
    target, port = serve(script()), _free_port()
    words = command(target.port, *_of_master(port), requests="2001", users="5")
    workers = [_workers(tmp_path, port, "--processes=2")]
    try:
        load = _completed(words, tmp_path)
    finally:
        _end(workers)
    assert len(target.asked) == 2001 == load["requests"] == _logged(tmp_path)
    assert load["generator"]["processes"] == 2
    rows = load["generator"]["workers"]
    assert sorted(row["users"] for row in rows) == [2, 3]
    assert len({row["pid"] for row in rows}) == 2 and all(not row["lost"] for row in rows)
    assert len({asked.connection for asked in target.asked}) == 5


def test_two_workers_keep_the_rate_of_an_open_loop(serve: Any, command: Any, tmp_path: Path) -> None:
    target, port = serve(script()), _free_port()
    changes = {"rate": "200", "arrivals": "constant", "duration_s": "2", "users": "20"}
    words = command(target.port, *_of_master(port), **changes)
    workers = [_workers(tmp_path, port, "--processes=2")]
    try:
        load = _completed(words, tmp_path)
    finally:
        _end(workers)
    assert len(target.asked) == 400 == _logged(tmp_path) and load["generator"]["processes"] == 2


def test_lost_worker_makes_the_run_invalid_and_keeps_the_log(
    serve: Any, command: Any, tmp_path: Path
) -> None:
    target, port = serve(script()), _free_port()
    body = "ask = get('/todos', headers={'X-Pid': str(os.getpid())})"
    words = command(target.port, *_of_master(port), body=body, duration_s="30")
    workers = [_workers(tmp_path, port), _workers(tmp_path, port)]
    try:
        with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as master:
            # Some seconds of load: each worker reports once a second, and must have done so.
            deadline_s = time.monotonic() + 20
            while len(target.asked) < 5000 and time.monotonic() < deadline_s:
                time.sleep(0.05)
            lost, other = workers
            lost.kill()
            killed_s = time.monotonic()
            _, stderr = master.communicate(timeout=180)
    finally:
        _end(workers)
    assert time.monotonic() - killed_s < 20
    outcome, load = _told(tmp_path)
    assert outcome["state"] == "invalid" and "a load process was lost" in outcome["why"], stderr
    assert master.returncode == 1
    (gone,) = [row for row in load["generator"]["workers"] if row["lost"]]
    (stayed,) = [row for row in load["generator"]["workers"] if not row["lost"]]
    assert (gone["pid"], stayed["pid"]) == (lost.pid, other.pid)
    name = outcome["why"].rpartition(" ")[2]
    assert name.startswith(gone["host"]) and f"load process lost: {name}" in load["verdict"]
    by_pid = Counter(int(asked.head.partition(b"X-Pid: ")[2].partition(b"\r\n")[0]) for asked in target.asked)
    assert set(by_pid) == {lost.pid, other.pid}
    # All that the other measured, but what was under way at the end, and of the lost one what it had taken.
    assert by_pid[other.pid] - USERS <= _logged(tmp_path) <= by_pid.total()

"""The load's event loop against a scripted target, in this process; and who notices how a run ends."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

RIGHT = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Load = Callable[[str], Any]
# What the target does on its n-th connection, until it returns; then the connection ends.
Script = Callable[[int, socket.socket], None]


@pytest.fixture
def serve() -> Iterator[Callable[[Script], int]]:
    """Start a target on 127.0.0.1 that keeps to a script; return its port."""
    listeners: list[socket.socket] = []

    def start(script: Script) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def connection(number: int, client: socket.socket) -> None:
            client.settimeout(10)
            with client, suppress(OSError):
                script(number, client)

        def accept() -> None:
            with suppress(OSError):
                for number in itertools.count():
                    client, _ = listener.accept()
                    threading.Thread(target=connection, args=(number, client), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        return int(listener.getsockname()[1])

    yield start
    for listener in listeners:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _head(client: socket.socket) -> bytes:
    """A request's head, or b"" at the connection's end."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = client.recv(1)
        if not byte:
            return b""
        head += byte
    return head


class _Ran:
    """A closed loop of ``total`` requests, run to its end: what each interval holds, and errors of all."""

    def __init__(self, load: Load, port: int, total: int, *, users: int = 1, **request: Any) -> None:
        asked = load("request").Request(request.pop("method", "GET"), "/", **request)
        answer = load("wire.exchange").Response(200, "", b"ok")
        endpoint = load("wire.endpoint").Endpoint(asked, answer, f"127.0.0.1:{port}", keep_alive=True)
        target = load("wire.target").Target(f"127.0.0.1:{port}", "127.0.0.1", port)
        self.engine = engine = load("worker.engine").Engine(target, timeout_s=5)
        for _ in range(users):
            engine.add([endpoint])
        begin_ns = time.perf_counter_ns()
        recorder = load("worker.recorder").Recorder(
            begin_ns,
            warm_up_s=0,
            duration_s=None,
            endpoints=[endpoint],
            connections=engine.connections,
            meter=load("worker.costs").CostMeter("lo", engine.retransmits),
            listeners=[],
        )
        self.loop = load("worker.loops").ClosedLoop(recorder.samples, begin_ns + 20_000_000_000, total)
        engine.run(self.loop, recorder)
        now_ns = time.perf_counter_ns()
        end_ns = load("worker.worker")._end_ns(total, self.loop.sent, recorder.samples, engine.busy, now_ns)
        self.end_ns = end_ns - begin_ns
        recorder.finish(begin_ns + self.end_ns)
        engine.close()
        self.intervals = recorder.take()
        self.answers = sum(interval.answers for interval in self.intervals)
        self.errors: Counter[str] = sum((interval.errors for interval in self.intervals), Counter())


@pytest.mark.parametrize("total", [1, 20])
def test_every_request_is_a_response_or_an_error(total: int, load: Load, serve: Any) -> None:
    def script(number: int, client: socket.socket) -> None:
        for count in itertools.count(1):
            if not _head(client) or count == 5:
                return
            client.sendall(RIGHT)

    ran = _Ran(load, serve(script), total)
    assert ran.answers + ran.errors.total() == ran.loop.sent == total
    # A connection that ends under its fifth request is an error, the next request takes a new one.
    assert ran.errors == Counter({"closed": total // 5} if total >= 5 else {})


def test_late_error_is_recorded(load: Load, serve: Any) -> None:
    def script(number: int, client: socket.socket) -> None:
        if number == 0:
            _head(client)
            time.sleep(1.2)
            return
        while _head(client):
            client.sendall(RIGHT)

    ran = _Ran(load, serve(script), 20, users=2)
    assert (ran.answers, ran.errors) == (19, Counter(closed=1))
    assert ran.end_ns >= 1.2e9 and ran.intervals[-1].end_s * 1e9 == pytest.approx(ran.end_ns)
    assert sum(interval.busy_user_s for interval in ran.intervals) == pytest.approx(1.2, abs=0.3)


def test_connection_is_not_reused_after_a_response_to_half_a_request(load: Load, serve: Any) -> None:
    body = b"x" * 8_000_000
    seen: list[bytes] = []

    def script(number: int, client: socket.socket) -> None:
        seen.append(client.recv(4096))
        client.sendall(RIGHT)
        time.sleep(0.2)
        while more := client.recv(1_000_000):
            seen[number] += more

    ran = _Ran(load, serve(script), 2, method="POST", body=body)
    assert ran.answers == 2 and len(seen) == 2
    assert all(request.startswith(b"POST ") and request.count(b"POST ") == 1 for request in seen)


def test_request_larger_than_the_send_buffer_arrives_whole(load: Load, serve: Any) -> None:
    body = bytes(range(256)) * 20_000
    seen: list[bytes] = []

    def script(number: int, client: socket.socket) -> None:
        while _head(client):
            time.sleep(0.05)
            received = bytearray()
            while len(received) < len(body):
                received += client.recv(65_536)
            seen.append(bytes(received))
            client.sendall(RIGHT)

    ran = _Ran(load, serve(script), 3, method="POST", body=body)
    assert ran.answers == 3 and ran.errors == Counter()
    assert seen == [body] * 3


_INTERIM = (
    b"HTTP/1.1 100 Continue\r\n\r\n"
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
)


@given(cuts=st.lists(st.integers(1, len(_INTERIM) - 1), max_size=12))
def test_interim_responses_are_skipped(cuts: list[int], load: Load) -> None:
    reader = load("wire.response").ResponseReader(10)
    at = [0, *sorted(set(cuts)), len(_INTERIM)]
    *first, last = [_INTERIM[begin:end] for begin, end in itertools.pairwise(at)]
    assert not any(reader.feed(piece) for piece in first)
    assert reader.feed(last) is True
    assert (reader.response().status, reader.response().body, reader.keep_alive) == (200, b"ok", True)


@pytest.mark.parametrize("last", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no"])
def test_interim_response_alone_is_incomplete(last: bytes, load: Load) -> None:
    reader = load("wire.response").ResponseReader(10)
    assert reader.feed(b"HTTP/1.1 100 Continue\r\n\r\n" + last) is False
    assert reader.end() is False


def test_silence_without_a_request_is_no_hang(load: Load) -> None:
    liveness = load("lead.liveness").Liveness(users=4, timeout_s=2, now_s=0)
    # One request is under way at 0.5 s and answered; the next falls due ten seconds later.
    assert liveness.ending(0.5, answered=0, waiting=1, lost={}) is None
    assert liveness.ending(1.0, answered=1, waiting=0, lost={}) is None
    assert liveness.ending(10.9, answered=1, waiting=0, lost={}) is None
    assert liveness.ending(11.0, answered=1, waiting=1, lost={}) is None
    ending = liveness.ending(13.0, answered=1, waiting=1, lost={})
    assert ending is not None and ending.state == "hung"


def test_silence_counts_where_all_connections_are_lost(load: Load) -> None:
    liveness = load("lead.liveness").Liveness(users=2, timeout_s=30, now_s=0)
    assert liveness.ending(4.9, answered=0, waiting=0, lost={"refused": 2}) is None
    ending = liveness.ending(5.0, answered=0, waiting=0, lost={"refused": 2})
    assert ending is not None and ending.state == "crashed"


def _plan(load: Load, requests: int) -> Any:
    return load("worker.plan").LoadPlan(
        warm_up_s=0,
        duration_s=None,
        requests=requests,
        max_s=60,
        timeout_s=5,
        rate_per_s=None,
        arrivals="poisson",
        seed=0,
    )


def _options(load: Load, folder: Path) -> Any:
    return load("lead.options").LoadOptions(
        targets=[load("wire.target").Target("127.0.0.1:1", "127.0.0.1", 1)],
        users=4,
        plan=_plan(load, requests=200),
        output=folder,
        responses=folder,
        array_length=None,
        identity="nonce",
        expected_nonce=None,
        expected_artifact=None,
        expected_threads=None,
        search_p99_ms=None,
        ceiling_per_s=None,
        samples=None,
    )


def _run(load: Load, folder: Path, workers: Any) -> Any:
    return load("lead.load_run").LoadRun(
        _options(load, folder), reference=[], sent=[], workers=workers, tool="test"
    )


def _order(load: Load, **changes: Any) -> Any:
    order = load("worker.messages").Order(
        number=7,
        share=0,
        shares=2,
        target=load("wire.target").Target("127.0.0.1:1", "127.0.0.1", 1),
        users=2,
        plan=_plan(load, requests=100),
        reference=[],
        samples=None,
    )
    return replace(order, **changes)


def test_process_that_ends_first_does_not_fail_littles_law(load: Load, tmp_path: Path) -> None:
    """Each process has its share of an exact total, and the slower one is alone at the end."""
    measured_module, interval = load("lead.measured"), load("worker.interval")
    started_at = datetime.now(timezone.utc)
    log = load("lead.latency_log").LatencyLog(tmp_path / "latency.hlog", started_at)
    merge = load("lead.merge").Merge(log, ["fast", "slow"], 0)
    orders = {"fast": _order(load), "slow": _order(load, share=1)}
    measured = measured_module.Measured(
        started_at, merge, _plan(load, 200), orders, dict.fromkeys(orders, 0.0)
    )
    for member, seconds in (("fast", 2), ("slow", 4)):
        for start_s in range(seconds):
            done = interval.LoadInterval(float(start_s), start_s + 1.0, "window", answers=50, checked=50)
            done.sum_ns, done.max_ns, done.busy_user_s = 2_000_000_000, 40_000_000, 2.0
            done.latencies.record_value(40_000, 50)
            report = load("worker.messages").WorkerReport(
                7, member, 1, 2, intervals=[done], over=start_s + 1 == seconds
            )
            measured.add(member, report, 0.0)
    merge.finish()
    told = load("lead.result").load_result(_options(load, tmp_path), measured, "test")
    assert told["requests"] == 300 and told["window_s"] == 4
    # Two of four users were idle for half of the window, which is shown, and is no fault of the generator.
    assert told["little_residual"] == pytest.approx(-0.25)
    assert told["verdict"] == "valid"


def test_report_has_nothing_of_an_earlier_order(load: Load, monkeypatch: Any) -> None:
    worker = load("worker.worker").Worker(statistics=None)
    worker._engine = SimpleNamespace(busy=3, lost=lambda: {"refused": 1}, details={})
    worker._loop = SimpleNamespace(sent=9, unsent=0)
    worker._recorder = SimpleNamespace(take=lambda: [], answered=9)
    reports: list[Any] = []
    monkeypatch.setattr(worker, "_run", lambda order: reports.append(worker.report()))
    worker.run(_order(load, number=8))
    (report,) = reports
    assert (report.order, report.sent, report.answered, report.waiting, report.lost) == (8, 0, 0, 0, {})


def test_reports_of_an_earlier_run_are_ignored(load: Load) -> None:
    heard: list[Callable[..., None]] = []
    events = SimpleNamespace(worker_report=SimpleNamespace(add_listener=heard.append))
    runner = SimpleNamespace(
        environment=SimpleNamespace(events=events), clients={}, send_message=lambda *_, **__: None
    )
    module = load("lead.workers")
    workers = module.LocustWorkers(runner)
    (hear,) = heard

    def tell(number: int, over: bool) -> None:
        report = load("worker.messages").WorkerReport(number, "host", 1, 2, over=over)
        hear(client_id="w", data={module.REPORT: report.to_message()})

    tell(6, over=True)
    workers.start({"w": _order(load)})
    tell(6, over=True)
    tell(7, over=False)
    tell(7, over=True)
    tell(7, over=True)  # it goes on until the next order
    assert [(name, report.order, report.over) for name, report in workers.reports()] == [
        ("w", 7, False),
        ("w", 7, True),
    ]


@pytest.mark.parametrize(("there", "state"), [(4, None), (8, "invalid")])
def test_number_of_users_must_be_the_requested_one(
    there: int, state: str | None, load: Load, tmp_path: Path
) -> None:
    workers = SimpleNamespace(users=lambda: {"local": there}, user_failure=lambda: "")
    ending = _run(load, tmp_path, workers)._await_users()
    assert (ending and ending.state) == state


def test_run_without_a_written_load_json_is_invalid(load: Load, tmp_path: Path) -> None:
    run = _run(load, tmp_path / "gone", workers=None)
    with pytest.raises(OSError, match="gone"):
        run.finish(load("lead.liveness").COMPLETED)
    assert run.ending.state == "invalid"


@pytest.mark.parametrize(
    ("samples", "search", "why"),
    [("samples.parquet", "50", "a search keeps none"), ("no/samples.parquet", None, "no folder")],
)
def test_raw_samples_that_cannot_be_written_are_refused(
    samples: str, search: str | None, why: str, load: Load, tmp_path: Path
) -> None:
    parsed = Namespace(
        raw_samples=str(tmp_path / samples), search_p99_ms=search, master=False, processes=None
    )
    with pytest.raises(load("worker.plan").InputError, match=why):
        load("lead.options")._check_samples(parsed, parsed.raw_samples, search)

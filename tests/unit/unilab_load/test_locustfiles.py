"""Short runs of the locustfiles against a scripted service on the loopback interface."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from contracts.trial import Ended, LoadResult

LOCUSTFILES = Path(__file__).parents[3] / "locustfiles"
BODY = '{"length":7}'
RIGHT = (200, BODY)
USERS = 4

PATHS = {"todos.py": "/todos", "bubble_sort.py": "/sort"}

# What the service does with the n-th loaded request: an answer, raw bytes in pieces with a pause between
# them, or None to close without an answer.
Script = Callable[[int], tuple[int, str] | list[bytes] | None]
PAUSE_S = 0.3


class Service:
    """A threaded HTTP/1.1 service that keeps to a script and counts its requests."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.loaded = 0
        self.nonce = "n1"
        self.has_identity = True
        self.delay_s = 0.002
        self._lock = threading.Lock()
        self._connections: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def crash(self) -> None:
        """Stop listening and break every connection."""
        # Without shutdown the thread that blocks in accept() would keep the port open.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._connections.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while head := connection.recv(65536):
                path = head.split(b" ")[1]
                answer = self._identity() if path == b"/identity" else self._load()
                if answer is None:
                    return
                for piece in answer if isinstance(answer, list) else [_http(*answer)]:
                    connection.sendall(piece)
                    time.sleep(PAUSE_S if isinstance(answer, list) else 0)

    def _identity(self) -> tuple[int, str]:
        if not self.has_identity:
            return 404, "{}"
        reported = {"service": "todos-go", "nonce": self.nonce, "artifact": "a1", "threads": 1}
        return 200, json.dumps(reported)

    def _load(self) -> tuple[int, str] | list[bytes] | None:
        with self._lock:
            self.loaded += 1
            count = self.loaded
        time.sleep(self.delay_s)
        return self.script(count)


def _http(status: int, body: str) -> bytes:
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return f"{head}{body}".encode()


@pytest.fixture
def serve() -> Iterator[Callable[[Script], Service]]:
    services: list[Service] = []

    def start(script: Script) -> Service:
        services.append(Service(script))
        return services[-1]

    yield start
    for service in services:
        service.crash()


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., list[str]]:
    """The command line of a load on a port; an option of None is omitted."""
    responses = tmp_path / "responses.json"

    def build(port: int, locustfile: str = "todos.py", **changes: str | None) -> list[str]:
        entry = {
            "method": "GET",
            "path": PATHS[locustfile],
            "status": 200,
            "content_type": "application/json",
        }
        body = {"body": BODY.replace("7", "{array_length}"), "parameters": ["array_length"]}
        responses.write_text(json.dumps([{**entry, **body}]))
        options: dict[str, str | None] = {
            "users": str(USERS),
            "host": f"http://127.0.0.1:{port}",
            "timeout-s": "5",
            "responses": str(responses),
            "parameters": "array_length=7",
            "expect-nonce": "n1",
            "expect-artifact": "a1",
            "expect-threads": "1",
            "output": str(tmp_path / "out"),
            **{key.replace("_", "-"): value for key, value in changes.items()},
        }
        words = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILES / locustfile), "--headless"]
        for option, value in options.items():
            words += [] if value is None else [f"--{option}", value]
        return [*words, "--only-summary"]

    return build


def _run(words: list[str], timeout_s: float = 30) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, timeout=timeout_s, check=False)


def _outcome(folder: Path) -> tuple[Ended, LoadResult | None, dict[str, Any]]:
    content = json.loads((folder / "out" / "load.json").read_text())
    assert set(content) == {"outcome", "load", "identity"}
    load = content["load"]
    return Ended(**content["outcome"]), None if load is None else LoadResult(**load), content


def _measured(folder: Path) -> LoadResult:
    _, load, _ = _outcome(folder)
    assert load is not None
    return load


def _intervals(folder: Path) -> list[HdrHistogram]:
    reader = HistogramLogReader(str(folder / "out" / "latency.hlog"), HdrHistogram(1, 3_600_000_000, 3))
    intervals = []
    while (interval := reader.get_next_interval_histogram()) is not None:
        interval.start_s = interval.get_start_time_stamp() / 1000 - reader.base_time_sec
        intervals.append(interval)
    reader.close()
    return intervals


def test_target_without_an_identity_is_loaded_unless_one_is_required(
    serve: Any, command: Any, tmp_path: Path
) -> None:
    service = serve(lambda n: RIGHT)
    service.has_identity = False
    silent = {"expect_nonce": None, "expect_artifact": None, "expect_threads": None}
    done = _run(command(service.port, duration_s="1", identity="answers", **silent))
    assert done.returncode == 0, done.stderr
    end, load, content = _outcome(tmp_path)
    assert end == Ended(state="completed") and load is not None and load.requests > 0
    assert content["identity"] is None
    assert _run(command(service.port, duration_s="1", **silent)).returncode == 0
    assert _outcome(tmp_path)[2]["identity"] is None
    _run(command(service.port, duration_s="1", identity="nonce", **silent))
    assert "no identity in" in _outcome(tmp_path)[0].why
    done = _run(command(service.port, duration_s="1", identity="guess"))
    assert "--identity: 'guess' is unknown" in done.stderr


@pytest.mark.parametrize("locustfile", ["todos.py", "bubble_sort.py"])
def test_right_responses_give_a_load_result(
    locustfile: str, serve: Any, command: Any, tmp_path: Path
) -> None:
    service = serve(lambda n: RIGHT)
    done = _run(command(service.port, locustfile, warm_up_s="1", duration_s="2"))
    assert done.returncode == 0, done.stderr
    end, load, content = _outcome(tmp_path)
    assert end == Ended(state="completed") and load is not None
    assert content["identity"] == {"nonce_seen": "n1", "artifact_seen": "a1", "threads_seen": 1}
    assert (load.users, load.warm_up_s, load.window_s, load.errors) == (USERS, 1, 2, {})
    assert load.requests == load.responses_checked == round(load.throughput_per_s * load.window_s)
    assert load.mean_response_ms >= service.delay_s * 1000
    assert load.generator.cpu_s * 100 / load.window_s == pytest.approx(load.generator.cpu_percent, rel=0.1)
    assert load.little_residual is not None and abs(load.little_residual) < 0.05
    assert load.verdict == "valid"
    # Locust's console counts the warm-up and what was in flight at the end; one more is the check before.
    assert f" {service.loaded - 1} " in done.stderr

    intervals = _intervals(tmp_path)
    assert sum(interval.total_count for interval in intervals) == service.loaded - 1
    assert [(i.get_tag(), round(i.start_s, 6)) for i in intervals[:3]] == [
        ("warm_up", 0),
        (None, 1),
        (None, 2),
    ]
    assert {interval.get_tag() for interval in intervals[3:]} <= {"after"}
    window = intervals[1]
    window.add(intervals[2])
    assert window.total_count == load.requests
    assert load.percentiles_ms["p50"] == window.get_value_at_percentile(50) / 1000
    assert load.percentiles_ms["p99.9"] <= load.percentiles_ms["max"]


@pytest.mark.parametrize(("total", "users"), [(201, "7"), (3, "7")])
def test_total_of_requests_is_sent_exactly(
    total: int, users: str, serve: Any, command: Any, tmp_path: Path
) -> None:
    service = serve(lambda n: RIGHT)
    done = _run(command(service.port, requests=str(total), users=users))
    assert done.returncode == 0, done.stderr
    load = _measured(tmp_path)
    assert load.requests == total == service.loaded - 1


def test_request_without_a_response_counts_once_in_a_total(serve: Any, command: Any, tmp_path: Path) -> None:
    service = serve(lambda n: None if n % 10 == 0 else RIGHT)
    done = _run(command(service.port, requests="100"))
    assert done.returncode == 0, done.stderr
    load = _measured(tmp_path)
    assert service.loaded - 1 == 100
    assert load.errors == {"closed": 10} and load.requests == 90


def test_wrong_responses_are_errors_and_not_latencies(serve: Any, command: Any, tmp_path: Path) -> None:
    wrong: dict[int, tuple[int, str] | list[bytes]] = {
        10: (500, BODY),
        20: (302, BODY),
        30: (200, BODY.replace("7", "8")),
        40: (200, BODY[:-1]),
        50: [b"this is no HTTP\r\n\r\n"],
    }
    service = serve(lambda n: wrong.get(n, RIGHT))
    done = _run(command(service.port, requests="200"))
    assert done.returncode == 0, done.stderr
    load = _measured(tmp_path)
    assert load.errors == {"status": 2, "body": 2, "protocol": 1}
    assert load.requests == sum(interval.total_count for interval in _intervals(tmp_path)) == 195
    assert load.responses_checked == 200
    assert service.loaded - 1 == 200


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((500, ""), "status 500 and not 200"),
        ([b"ICY 200 OK\r\n\r\n"], "Expected HTTP/, RTSP/ or ICE/; the response begins with b'ICY 200 OK"),
    ],
)
def test_run_of_wrong_responses_is_invalid_with_the_reason(
    answer: Any, why: str, serve: Any, command: Any, tmp_path: Path
) -> None:
    service = serve(lambda n: RIGHT if n == 1 else answer)
    done = _run(command(service.port, duration_s="0.5"))
    end, load, _ = _outcome(tmp_path)
    assert done.returncode == 1 and load is None
    assert end.state == "invalid" and "no right answer" in end.why and f"(such as: {why}" in end.why


def test_service_without_further_responses_is_hung(serve: Any, command: Any, tmp_path: Path) -> None:
    def script(n: int) -> tuple[int, str]:
        if n > 50:
            threading.Event().wait()
        return RIGHT

    service = serve(script)
    begin = time.monotonic()
    done = _run(command(service.port, duration_s="20", timeout_s="1"))
    end, load, _ = _outcome(tmp_path)
    assert done.returncode == 1 and end.state == "hung" and "no user has had an answer" in end.why
    assert load is not None and load.requests == 49
    assert time.monotonic() - begin < 10


def test_response_of_single_bytes_is_a_timeout(serve: Any, command: Any, tmp_path: Path) -> None:
    drops = [_http(*RIGHT)[i : i + 1] for i in range(len(_http(*RIGHT)))]
    service = serve(lambda n: drops if n == 20 else RIGHT)
    done = _run(command(service.port, requests="50", timeout_s="1"))
    assert done.returncode == 0, done.stderr
    load = _measured(tmp_path)
    assert load.errors == {"timeout": 1} and load.requests == 49


def test_service_that_stops_listening_has_crashed(serve: Any, command: Any, tmp_path: Path) -> None:
    def script(n: int) -> tuple[int, str]:
        if n == 50:
            service.crash()
        return RIGHT

    service = serve(script)
    begin = time.monotonic()
    done = _run(command(service.port, duration_s="20"))
    took_s = time.monotonic() - begin
    end, load, _ = _outcome(tmp_path)
    assert done.returncode == 1 and end.state == "crashed" and "refused" in end.why
    assert took_s < 12
    assert load is not None and load.requests >= 45
    # Each user tries ten times a second and no more.
    assert 0 < load.errors["refused"] <= USERS * 10 * took_s


def test_crash_after_the_last_response_is_detected(serve: Any, command: Any, tmp_path: Path) -> None:
    def script(n: int) -> tuple[int, str]:
        if n == 51:
            service.crash()
        return RIGHT

    service = serve(script)
    _run(command(service.port, requests="50"))
    end, _, _ = _outcome(tmp_path)
    assert end.state == "crashed" and "/identity" in end.why


def test_service_with_a_wrong_response_is_not_loaded(serve: Any, command: Any, tmp_path: Path) -> None:
    service = serve(lambda n: (200, BODY.replace("7", "9")))
    done = _run(command(service.port, duration_s="1"))
    end, load, content = _outcome(tmp_path)
    assert done.returncode == 1 and load is None and content["identity"] is not None
    assert end.state == "invalid" and "GET /todos: body differs at byte 10: '9}' and not '7}'" in end.why
    assert service.loaded == 1


def test_instance_with_another_nonce_is_not_loaded(serve: Any, command: Any, tmp_path: Path) -> None:
    service = serve(lambda n: RIGHT)
    service.nonce = "of another trial"
    _run(command(service.port, duration_s="1"))
    end, load, content = _outcome(tmp_path)
    assert load is None and content["identity"] is None and service.loaded == 0
    assert end == Ended(state="invalid", why="GET /identity: nonce is 'of another trial' and not 'n1'")


def test_target_without_a_listener_has_crashed(serve: Any, command: Any, tmp_path: Path) -> None:
    service = serve(lambda n: RIGHT)
    service.crash()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "latency.hlog").write_text("of an earlier run")
    _run(command(service.port, duration_s="1"))
    end, load, _ = _outcome(tmp_path)
    assert not (tmp_path / "out" / "latency.hlog").exists()
    assert end.state == "crashed" and "refused" in end.why and load is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_interrupted_run_writes_its_results(
    number: signal.Signals, serve: Any, command: Any, tmp_path: Path
) -> None:
    service = serve(lambda n: RIGHT)
    # A shell's background job ignores SIGINT, and so would all that it starts.
    argv = ["env", "--default-signal=INT", *command(service.port, duration_s="20")]
    with subprocess.Popen(argv, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 10
        while service.loaded < 100 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(number)
        _, stderr = process.communicate(timeout=180)
    end, load, _ = _outcome(tmp_path)
    assert end == Ended(state="invalid", why="interrupted"), stderr
    assert load is not None and load.requests >= 50
    assert sum(interval.total_count for interval in _intervals(tmp_path)) == load.requests


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"duration_s": "1", "requests": "5"}, "--duration-s: a run ends by a time or by a count"),
        ({}, "--duration-s: a run ends by a time or by a count"),
        ({"duration_s": "soon"}, "--duration-s: 'soon' is no number of seconds"),
        ({"requests": "0"}, "--requests: '0' is no count"),
        ({"requests": "5", "rate": "9"}, "--rate: an open loop ends by a time"),
        ({"duration_s": "1", "rate": "-1"}, "--rate: '-1' is no number above 0"),
        ({"duration_s": "1", "search_p99_ms": "9"}, "--search-p99-ms: a search starts from a rate"),
        ({"duration_s": "1", "arrivals": "weekly"}, "--arrivals: 'weekly' is unknown"),
        ({"requests": "5", "host": "127.0.0.1"}, "--host: '127.0.0.1' is not a service's address"),
        ({"requests": "5", "run_time": "1"}, "--duration-s: a run ends by a time or by a count"),
        ({"duration_s": "5", "run_time": "1"}, "--run-time: --duration-s is the same"),
        ({"requests": "5", "responses": "/nowhere"}, "--responses: /nowhere: cannot read"),
        ({"requests": "5", "parameters": None}, "--parameters: array_length is missing"),
        ({"requests": "5", "parameters": "array_length"}, "--parameters: 'array_length' is no NAME=VALUE"),
        ({"requests": "5", "output": "/proc/none"}, "--output: cannot make '/proc/none'"),
    ],
)
def test_bad_input_is_refused_in_one_line_before_any_request(
    changes: dict[str, str | None], message: str, serve: Any, command: Any
) -> None:
    service = serve(lambda n: RIGHT)
    done = _run(command(service.port, **changes))
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if "locust.main" not in line]
    assert line.startswith(message) and "Remedy: " in line
    assert service.loaded == 0


def test_malformed_reference_is_refused_by_entry_and_key(command: Any, tmp_path: Path) -> None:
    words = command(1, requests="5")
    (tmp_path / "responses.json").write_text('[{"method": "GET", "path": "/todos", "status": "200"}]')
    done = _run(words)
    assert done.returncode == 2 and "responses.json: entry 0: key status" in done.stderr

"""Whether the load generator's numbers are right: against what the target itself knows, and against wrk.

The target notes how long it held each request. The load may differ from that by 1 % or 50 us, whichever is
more. To the hold add the way there and back and the waits for a CPU of three processes, which on two cores
that others use too are a millisecond or two: so holds are long, 200 ms and 1 s, and 1 % of them is more.
A wait for the CPU only ever adds to one run, while a wrong sum is wrong in all of them: so the best of three
runs counts. Where the target itself woke late in all three, the machine is too busy to tell anything, and the
test says so and is skipped; the generator has no part in that judgement.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

LOCUSTFILES = Path(__file__).parents[3] / "locustfiles"
BODY = b'{"right":1}'
IDENTITY = b'{"service": "s", "nonce": "n1", "artifact": "a1", "threads": 1}'
RUNS = 3
TOLERANCE, TOLERANCE_MS = 0.01, 0.05
BUSY_MS = 2.0
"""A target that wakes later than this is on a machine too busy to tell 1 % of 200 ms."""


class Holder:
    """An HTTP server that holds the n-th loaded request for ``hold_s(n)``, and notes for how long it did.

    ``held_ms`` is in the order of the answers, from the request's arrival until its answer is handed over;
    ``late_ms`` is by how much the longest hold was longer than it should be.
    """

    def __init__(self, hold_s: Callable[[int], float]) -> None:
        self.hold_s = hold_s
        self.held_ms: list[float] = []
        self.late_ms = 0.0
        self._count = 0
        self._checked = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        opened = asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024)
        self._server = asyncio.run_coroutine_threadsafe(opened, self._loop).result(10)
        self.port: int = self._server.sockets[0].getsockname()[1]

    def forget(self) -> None:
        """Begin again."""
        self.held_ms, self.late_ms, self._count, self._checked = [], 0.0, 0, False

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, OSError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                begin_s = time.perf_counter()
                body = IDENTITY if b" /identity " in head else BODY
                # The first request but for the identity is the check before the load. It is not noted.
                loaded = b" /identity " not in head and self._checked
                self._checked |= b" /identity " not in head
                wanted_s = 0.0
                if loaded:
                    self._count += 1
                    wanted_s = self.hold_s(self._count)
                    await asyncio.sleep(wanted_s)
                writer.write(
                    b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\n"
                    b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
                )
                if loaded:
                    held_s = time.perf_counter() - begin_s
                    self.held_ms.append(1000 * held_s)
                    self.late_ms = max(self.late_ms, 1000 * (held_s - wanted_s))
        writer.close()


@pytest.fixture
def hold() -> Iterator[Callable[[Callable[[int], float]], Holder]]:
    holders: list[Holder] = []

    def start(hold_s: Callable[[int], float]) -> Holder:
        holders.append(Holder(hold_s))
        return holders[-1]

    yield start
    for holder in holders:
        holder.stop()


@pytest.fixture
def measure(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Load a port and return what was measured; ``before`` is the number of answers in the warm-up."""
    entry = {"method": "GET", "path": "/todos", "status": 200, "content_type": "application/json"}
    (tmp_path / "responses.json").write_text(json.dumps([entry | {"body": BODY.decode()}]))

    def run(port: int, **options: str) -> dict[str, Any]:
        words = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILES / "todos.py"), "--headless"]
        words += ["--only-summary", f"--host=http://127.0.0.1:{port}", f"--output={tmp_path / 'out'}"]
        words += [f"--responses={tmp_path / 'responses.json'}"]
        words += [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        done = subprocess.run(words, capture_output=True, text=True, timeout=180, check=False)
        assert done.returncode == 0, done.stderr
        load: dict[str, Any] = json.loads((tmp_path / "out" / "load.json").read_text())["load"]
        assert load["errors"] == {} and load["unsent"] == 0
        return load | {"before": _in_warm_up(tmp_path / "out" / "latency.hlog")}

    return run


def _in_warm_up(path: Path) -> int:
    reader = HistogramLogReader(str(path), HdrHistogram(1, 3_600_000_000, 3))
    count = 0
    while (interval := reader.get_next_interval_histogram()) is not None:
        count += interval.get_total_count() if interval.get_tag() == "warm_up" else 0
    reader.close()
    return count


def _percentile(values: list[float], percent: float) -> float:
    """The smallest value that ``percent`` of all do not exceed."""
    return sorted(values)[max(1, round(percent / 100 * len(values))) - 1]


def _differences(load: dict[str, Any], held_ms: list[float]) -> dict[str, tuple[float, float]]:
    """What the load says and what the target knows of the same answers, where they differ too much."""
    answered = held_ms[load["before"] :][: load["requests"]]
    known = {
        "mean": mean(answered),
        **{f"p{percent}": _percentile(answered, percent) for percent in (50, 99, 99.9)},
        "max": max(answered),
    }
    reported = load["percentiles_ms"] | {"mean": load["mean_response_ms"]}
    return {
        name: (reported[name], value)
        for name, value in known.items()
        if reported[name] != pytest.approx(value, rel=TOLERANCE, abs=TOLERANCE_MS)
    }


def _agrees(target: Holder, run: Callable[[], dict[str, Any]]) -> None:
    """Let ``run`` agree with ``target``, the best of three times; skip where the machine is too busy."""
    runs, late_ms = [], []
    for _ in range(RUNS):
        target.forget()
        load = run()
        runs.append(_differences(load, target.held_ms))
        late_ms.append(target.late_ms)
        if not runs[-1]:
            return
    if min(late_ms) > BUSY_MS:
        pytest.skip(f"the machine is too busy: the target woke up to {min(late_ms):.1f} ms late in all runs")
    pytest.fail(f"reported and known in ms: {runs}; the target woke late by up to {late_ms}")


# In the warm-up connections are set up, which the target does not see: it is omitted.
_SPAN = {"warm_up_s": "1.5", "duration_s": "2.5"}


def _constant(number: int) -> float:
    return 0.2


def _bimodal(number: int) -> float:
    return 1.0 if number % 20 == 0 else 0.2


@pytest.mark.parametrize(("hold_s", "p50_ms", "p99_ms"), [(_constant, 200, 200), (_bimodal, 200, 1000)])
def test_open_loop_measures_the_latency_that_the_target_held(
    hold_s: Callable[[int], float], p50_ms: float, p99_ms: float, hold: Any, measure: Any
) -> None:
    target = hold(hold_s)

    def run() -> dict[str, Any]:
        load = measure(target.port, users="80", rate="100", arrivals="constant", **_SPAN)
        # What fell due before the window is answered in it, and what is answered after it is not of it.
        assert load["requests"] == pytest.approx(250, abs=15)
        assert load["percentiles_ms"]["p50"] >= p50_ms and load["percentiles_ms"]["p99"] >= p99_ms
        return load

    _agrees(target, run)


def test_closed_loop_measures_the_latency_that_the_target_held(hold: Any, measure: Any) -> None:
    target = hold(_bimodal)

    def run() -> dict[str, Any]:
        load = measure(target.port, users="6", **_SPAN)
        assert len(target.held_ms) - 6 <= load["before"] + load["requests"] <= len(target.held_ms)
        return load

    _agrees(target, run)


_UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


def _wrk_mean_ms(port: int) -> float:
    words = ["wrk", "--latency", "-t1", "-c4", "-d2s", f"http://127.0.0.1:{port}/todos"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=180, check=True)
    found = re.search(r"Latency\s+([\d.]+)(us|ms|s)\s", done.stdout)
    assert found is not None, done.stdout
    return float(found[1]) * _UNITS_MS[found[2]]


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed: apt install wrk")
def test_closed_loop_agrees_with_wrk(hold: Any, measure: Any) -> None:
    target = hold(lambda number: 0.02)
    runs = []
    for _ in range(RUNS):
        wrk_ms = _wrk_mean_ms(target.port)
        load = measure(target.port, users="4", duration_s="2")
        assert load["mean_response_ms"] >= 20 <= wrk_ms
        runs.append((load["mean_response_ms"], wrk_ms))
        if load["mean_response_ms"] == pytest.approx(wrk_ms, rel=0.05):
            break
    assert load["mean_response_ms"] == pytest.approx(wrk_ms, rel=0.05), runs

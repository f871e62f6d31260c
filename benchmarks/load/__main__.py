"""Requests per second of generator CPU: ours, wrk and Locust's own users, alternating in one run.

    python -m benchmarks.load                 # ours, wrk, FastHttpUser, HttpUser, three rounds
    python -m benchmarks.load --exact         # 40 users x 50,000 requests: does the target count 2,000,000?

Generators run on the first CPU, the target (unilab_load.responder) on another. Goals: at least 15 times
FastHttpUser and 0.7 of wrk, every response checked; recording below 5 % of a request's cost.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.comparisons import missing_program, not_run

PROJECT = Path(__file__).resolve().parents[2]
LOCUSTFILES = PROJECT / "locustfiles"
RESPONSES = PROJECT / "services" / "todos" / "responses.json"
USERS = 40
GOALS = {"FastHttpUser": 15.0, "wrk": 0.7}
RECORDING_GOAL = 0.05

Sample = tuple[int, float]
"""Requests, and the CPU seconds of the generator that they took."""


@contextmanager
def target() -> Iterator[tuple[int, Callable[[], dict[str, int]]]]:
    """A trivial target on another CPU: its port, and a function that ends it and returns what it answered."""
    command = [sys.executable, "-m", "unilab_load.responder", str(RESPONSES)]
    with subprocess.Popen(
        command, cwd=LOCUSTFILES, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin and process.stdout

        def end() -> dict[str, int]:
            assert process.stdin and process.stdout
            process.stdin.close()
            return dict(json.loads(process.stdout.read() or "{}"))

        yield int(process.stdout.readline()), end
        if not process.stdin.closed:
            end()


def ours(port: int, seconds: float, folder: Path, *more: str) -> Sample:
    """The todos locustfile, every response checked; the figures of its measured window."""
    end = more or ("--warm-up-s", "0.5", "--duration-s", str(seconds))
    _run(
        *(sys.executable, "-m", "locust", "-f", str(LOCUSTFILES / "todos.py"), "--headless"),
        *("--only-summary", "--users", str(USERS), "--host", f"http://127.0.0.1:{port}"),
        *("--responses", str(RESPONSES), "--output", str(folder), *end),
    )
    load = json.loads((folder / "load.json").read_text())["load"]
    return load["requests"], load["generator"]["cpu_s"]


def wrk(port: int, seconds: float, folder: Path) -> Sample:
    """wrk (Debian's package), one thread; it compares no body."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    output = _run(
        "wrk", "--threads", "1", "--connections", str(USERS), "--duration", f"{seconds:.0f}",
        f"http://127.0.0.1:{port}/todos",
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    (line,) = [line for line in output.splitlines() if " requests in " in line]
    return int(line.split()[0]), after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def locust_user(name: str) -> Callable[[int, float, Path], Sample]:
    """One of Locust's own users, by name."""

    def measure(port: int, seconds: float, folder: Path) -> Sample:
        output = folder / "locust.json"
        _run(
            *(sys.executable, "-m", "locust", "-f", str(Path(__file__).with_name("locust_users.py"))),
            *("--headless", "--only-summary", "--users", str(USERS), "--spawn-rate", str(USERS)),
            *("--host", f"http://127.0.0.1:{port}"),
            BENCHMARK_USER=name,
            BENCHMARK_S=str(seconds),
            BENCHMARK_OUTPUT=str(output),
        )
        found = json.loads(output.read_text())
        return found["requests"], found["cpu_s"]

    return measure


def compare(rounds: int, seconds: float) -> bool:
    """Run all generators in turn, print medians and ratios; return whether the goals are met."""
    generators: dict[str, Callable[[int, float, Path], Sample]] = {
        "ours": ours,
        "wrk": wrk,
        "FastHttpUser": locust_user("FastHttpUser"),
        "HttpUser": locust_user("HttpUser"),
    }
    if why := missing_program("wrk", "wrk"):
        del generators["wrk"]
        print(not_run("wrk", why))
    rates: dict[str, list[float]] = {name: [] for name in generators}
    with target() as (port, _), tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            for name, measure in generators.items():
                requests, cpu_s = measure(port, seconds, Path(folder))
                rates[name].append(requests / cpu_s)
                print(f"round {number + 1} of {rounds}: {name:13} {rates[name][-1]:8.0f} requests per CPU s")
    median = {name: statistics.median(found) for name, found in rates.items()}
    print()
    met = True
    for name, rate in median.items():
        ratio = median["ours"] / rate
        goal = GOALS.get(name)
        verdict = "" if goal is None else f", goal {goal:g}: {'met' if ratio >= goal else 'MISSED'}"
        met &= goal is None or ratio >= goal
        print(f"{name:13} {rate:8.0f} requests per CPU s (median); ours is {ratio:5.2f} times that{verdict}")
    share = recording_share(median["ours"])
    verdict = "met" if share < RECORDING_GOAL else "MISSED"
    print(
        f"recording     {100 * share:.1f} % of a request's cost, goal {100 * RECORDING_GOAL:g} %: {verdict}"
    )
    return met and share < RECORDING_GOAL


def recording_share(requests_per_cpu_s: float) -> float:
    """CPU of turning a second's latencies into a histogram and its log line, per CPU of the requests."""
    import numpy as np
    from unilab_load.worker.interval import LoadInterval
    from unilab_load.worker.recorder import record

    count = round(requests_per_cpu_s)
    latencies_ns = np.random.default_rng(1).lognormal(13.8, 0.5, count).astype(np.int64)
    spent_s = []
    for _ in range(5):
        began_s = time.process_time()
        interval = LoadInterval(0.0, 1.0, "window")
        record(interval.latencies, latencies_ns)
        interval.latencies.encode()
        spent_s.append(time.process_time() - began_s)
    return statistics.median(spent_s)


def exact() -> bool:
    """The study's 40 x 50,000 requests; whether the target counted them exactly."""
    wanted = USERS * 50_000
    with target() as (port, end), tempfile.TemporaryDirectory() as folder:
        requests, cpu_s = ours(port, 0, Path(folder), "--requests", str(wanted))
        answered = end()["GET /todos"] - 1  # one more is the check before the load
    print(f"asked for {wanted}, the target answered {answered}, recorded {requests}, {cpu_s:.1f} CPU s")
    return answered == requests == wanted


def main() -> None:
    """Run as a program: exit 0 where the goals are met."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.load",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--exact", action="store_true", help="40 x 50,000 requests, counted by the target")
    parser.add_argument("--rounds", type=int, default=3, help="how often each generator runs")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each run is measured")
    wanted = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    met = exact() if wanted.exact else compare(wanted.rounds, wanted.seconds)
    sys.exit(0 if met else 1)


def _run(*command: str, **environment: str) -> str:
    done = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode:
        raise SystemExit(f"{command[0]} failed: {done.stderr[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    main()

"""Each role on machines of its own: made, converged twice, verified, removed by molecule."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent.parent
SCENARIOS = sorted(path.parent.name for path in PROJECT.glob("molecule/*/molecule.yml"))

ROLES = sorted(path.parent.parent.name for path in PROJECT.glob("roles/*/meta/main.yml"))

# Twice what a scenario takes beside a busy neighbour, and the time to make the Debian root once.
LIMIT_S = 900
TAIL_LINES = 80

# Scenarios with this service stage it into the project's own folder, so they run one after another.
SHARED_SERVICE = "todos-go"

Outcome = tuple[int | str, str, float]


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest) -> Iterator[dict[str, Future[Outcome]]]:
    """Exit code, output and seconds of each chosen scenario.

    The first runs alone, since it makes the Debian root where there is none. The others run in two lanes.
    """
    chosen = [
        item.callspec.params["scenario"] for item in request.session.items if "outcomes" in item.fixturenames
    ]
    running: dict[str, Future[Outcome]] = {}
    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
        for scenario in chosen:
            lane = first if scenario == chosen[0] or _has_shared_service(scenario) else second
            running[scenario] = lane.submit(_timed, scenario)
            if scenario == chosen[0]:
                running[scenario].exception()
        yield running
        for lane in (first, second):
            lane.shutdown(wait=False, cancel_futures=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="machines are booted, which only root may: run with sudo")
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_scenario(
    scenario: str, outcomes: dict[str, Future[Outcome]], capsys: pytest.CaptureFixture[str]
) -> None:
    code, output, took_s = outcomes[scenario].result()
    with capsys.disabled():
        print(f"molecule test -s {scenario}: {took_s:.0f} s")
    tail = "\n".join(output.splitlines()[-TAIL_LINES:])
    assert code == 0, f"molecule test -s {scenario} ended with {code} after {took_s:.0f} s:\n{tail}"


@pytest.mark.parametrize("role", ROLES)
def test_role_has_a_scenario_that_applies_it(role: str) -> None:
    assert role in (PROJECT / "molecule" / role / "converge.yml").read_text()
    assert (PROJECT / "molecule" / role / "verify.yml").exists()


def _has_shared_service(scenario: str) -> bool:
    files = (PROJECT / "molecule" / scenario).rglob("*.yml")
    return any(SHARED_SERVICE in file.read_text() for file in files)


def _timed(scenario: str) -> Outcome:
    began_s = time.monotonic()
    code, output = _molecule("test", scenario)
    return code, output, time.monotonic() - began_s


def _molecule(command: str, scenario: str) -> tuple[int | str, str]:
    """Run molecule; return its exit code, or that the time was up, and what it printed."""
    programs = Path(sys.executable).parent
    process = subprocess.Popen(
        # Named, for molecule itself finds it only in a git checkout.
        [programs / "molecule", "--base-config", ".config/molecule/config.yml", command, "-s", scenario],
        cwd=PROJECT,
        env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        if command != "destroy":
            _molecule("destroy", scenario)
        return f"nothing within {LIMIT_S} s", output
    return process.returncode, output

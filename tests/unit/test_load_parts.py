"""What the load says of latencies, of its generator and of a target that may be dead."""

from __future__ import annotations

import importlib
import random
import statistics
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

TIMEOUT_S = 30.0


@pytest.fixture
def part(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Import a module of locustfiles/unilab_load, which is no package of the controller."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "locustfiles"))
    yield lambda name: importlib.import_module(f"unilab_load.{name}")
    for name in [name for name in sys.modules if name.partition(".")[0] == "unilab_load"]:
        del sys.modules[name]


def test_percentiles_are_true_to_three_digits(part: Any, tmp_path: Path) -> None:
    recorder_part = part("recorder")
    recorder = recorder_part.Recorder(tmp_path / "log", datetime.now(timezone.utc), 2.5, 4.0)
    generator = random.Random(1)
    samples_ms = [generator.lognormvariate(3, 1) for _ in range(20_000)]
    for i, latency_ms in enumerate(samples_ms):
        recorder.right_answer(2.5 + i * 4.0 / len(samples_ms), latency_ms)
    assert recorder.finish(7.0) == 4.0
    found = recorder.window.percentiles_ms()
    for name, percent in recorder_part.PERCENTILES.items():
        nearest_rank = round(percent / 100 * len(samples_ms))
        assert found[name] == pytest.approx(sorted(samples_ms)[nearest_rank - 1], rel=1e-3)
    assert found["max"] == max(samples_ms)
    assert recorder.window.mean_ms == pytest.approx(statistics.fmean(samples_ms))


def test_only_the_window_counts(part: Any, tmp_path: Path) -> None:
    recorder = part("recorder").Recorder(tmp_path / "log", datetime.now(timezone.utc), 1.5, 2.0)
    for now_s in (0.0, 1.499, 1.5, 3.499, 3.5, 9.0):
        recorder.right_answer(now_s, 5.0)
        recorder.error(now_s, "timeout", answered=False)
    recorder.finish(9.5)
    assert recorder.window.right_answers == recorder.window.checked_answers == 2
    assert recorder.window.errors == {"timeout": 2}


@pytest.mark.parametrize(
    ("cpu_percent", "residual", "errors", "expected"),
    [
        (80.0, -0.05, 0, "valid"),
        (81.0, 0.0, 0, "generator used 81 % of a core, limit 80 %"),
        (10.0, -0.06, 0, "Little's law fails by -6.0 %, limit 5 %"),
        (10.0, -0.06, 1, "valid"),
    ],
)
def test_verdict_names_its_figure(
    part: Any, cpu_percent: float, residual: float, errors: int, expected: str
) -> None:
    assert part("generator_cost").verdict(cpu_percent, residual, errors) == expected


def test_a_crash_needs_every_user_and_time(part: Any) -> None:
    liveness = part("liveness").Liveness(2, TIMEOUT_S)
    liveness.start(0.0)
    liveness.failed(0, "refused")
    assert liveness.ending(6.0) is None
    liveness.failed(1, "reset")
    assert liveness.ending(4.9) is None
    assert liveness.ending(5.0).state == "crashed"
    liveness.answered(0, 5.5)
    assert liveness.ending(11.0) is None


def test_a_hang_needs_every_user_and_the_timeout(part: Any) -> None:
    liveness = part("liveness").Liveness(2, TIMEOUT_S)
    liveness.start(0.0)
    for user in (0, 1):
        liveness.sent(user)
    assert liveness.ending(TIMEOUT_S - 1) is None
    assert liveness.ending(TIMEOUT_S).state == "hung"
    liveness.answered(0, TIMEOUT_S)
    assert liveness.ending(3 * TIMEOUT_S) is None, "user 0 has its answer and nothing more to do"
    liveness.sent(0)
    assert liveness.ending(3 * TIMEOUT_S).state == "hung"

"""Benchmarks without the tools that they compare with: one line with the remedy, no traceback."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

from benchmarks import comparisons
from benchmarks.analysis import __main__ as analysis_benchmark
from benchmarks.analysis import jmeter
from benchmarks.counting import __main__ as counting_benchmark
from benchmarks.image_build import __main__ as image_benchmark
from benchmarks.load import __main__ as load_benchmark


@pytest.fixture
def no_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


def test_samples_without_pandas_and_jmeter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("JMETER_HOME", raising=False)
    monkeypatch.setattr(
        analysis_benchmark, "missing_module", lambda name, remedy: f"{name} is missing. Remedy: {remedy}."
    )
    assert analysis_benchmark.samples(tmp_path, 10_000, (100, 200)) == 0
    output = capsys.readouterr()
    assert "ours" in output.out and "pandas: not run, pandas is missing. Remedy: pip install" in output.out
    assert "jmeter: not run, JMETER_HOME is not set. Remedy: " in output.out
    assert "Traceback" not in output.out + output.err


def test_failed_step_is_reported_without_traceback(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="ours failed with exit status 1: FileNotFoundError"):
        analysis_benchmark.measured("ours", tmp_path / "missing")


def test_jmeter_without_its_files_or_java(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_programs: None
) -> None:
    monkeypatch.setenv("JMETER_HOME", str(tmp_path))
    assert "ApacheJMeter.jar does not exist. Remedy: " in jmeter.why_not()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/ApacheJMeter.jar").touch()
    assert jmeter.why_not() == "java is not installed. Remedy: apt-get install default-jre-headless."


@pytest.mark.parametrize("module", [load_benchmark, image_benchmark], ids=["load", "image_build"])
def test_programs_of_other_benchmarks(
    module: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], no_programs: None
) -> None:
    class Stop(Exception):
        """Raised in place of the first measurement."""

    def stop(*_: object) -> None:
        raise Stop

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Stop):
        if module is load_benchmark:
            patch.setattr(module, "target", stop)
            load_benchmark.compare(1, 1)
        patch.setattr(module, "make_tree", lambda *_: None)
        patch.setattr(module, "count_files", stop)
        image_benchmark.compare(tmp_path, 1)
    names = ["wrk"] if module is load_benchmark else list(image_benchmark.rivals(tmp_path, tmp_path))
    output = capsys.readouterr().out
    for name in names:
        assert f"{name}: not run, " in output and "Remedy: apt-get install " in output


def test_missing_module() -> None:
    assert comparisons.missing_module("json", "none") == ""
    missing = comparisons.missing_module("no_such_module", "pip install it")
    assert missing == "the Python module no_such_module is not installed. Remedy: pip install it."
    with pytest.raises(ImportError):
        importlib.import_module("no_such_module")


def test_the_cost_of_counting_is_judged_by_cpu_seconds_and_by_its_thread(
    capsys: pytest.CaptureFixture[str],
) -> None:
    window = counting_benchmark.Window
    plain = [window(3000, 3.0, 1.0 * slow, 0.0) for slow in (1, 2, 3)]
    # 4 % more CPU per request, whatever the machine's speed in that round was.
    counted = [window(3000, 3.2, 1.04 * slow, 0.001) for slow in (1, 2, 3)]
    assert counting_benchmark.report(counted, plain)
    assert "counted / plain: 0.962 (95 %: 0.962 to 0.962)" in capsys.readouterr().out
    assert not counting_benchmark.report([window(3000, 3.0, 1.06, 0.0)] * 3, plain[:1] * 3)
    assert not counting_benchmark.report([window(3000, 3.0, 1.0, 0.04)] * 3, plain[:1] * 3)
    # On a busy machine a window may end without an answer.
    empty = window(0, 3.0, 0.0, 0.0)
    assert counting_benchmark.report([*counted, empty], [*plain, plain[0]])
    with pytest.raises(SystemExit, match=r"only 2 of 3 pairs of windows have answers\. Remedy: "):
        counting_benchmark.report([*counted[:2], empty], plain)
    assert counting_benchmark.requests_of("  11642 requests in 3.00s, 5.31MB read") == 11642
    with pytest.raises(ValueError, match="no summary of wrk"):
        counting_benchmark.requests_of("unable to connect")


def test_the_cost_of_counting_without_wrk_is_one_message(
    no_programs: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["benchmarks.counting"])
    with pytest.raises(SystemExit, match=r"wrk is not installed\. Remedy: apt-get install wrk"):
        counting_benchmark.main()

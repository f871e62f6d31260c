"""The load's command lines: every key of a study's load has its option, and the load accepts each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from contracts.assembly.load import (
    LOAD_OPTIONS,
    Clients,
    Expected,
    Run,
    Target,
    calibration_command,
    load_command,
    load_step,
    patience_s,
    study_options,
    worker_command,
)
from contracts.loads import Load
from contracts.workload import WORKLOADS

LOCUSTFILES = Path(__file__).resolve().parents[4] / "locustfiles"
TODOS, SORT = WORKLOADS["todos"], WORKLOADS["bubble_sort"]
EXPECTED = Expected("nonce", "abc", "a" * 64, 2)
TARGET = Target("10.0.0.5", 8080, EXPECTED, {})
CLOSED = Load(users=4, warm_up_s=1, duration_s=2)
OPEN = Load(users=40, warm_up_s=0, duration_s=5, rate_per_s=100, arrivals="constant", search_p99_ms=9)


def command(load: Load = CLOSED, processes: int = 1, target: Target = TARGET) -> list[str]:
    return load_command(load, TODOS, target, Clients("/opt/load", processes), Run(9000.0, 7, "/tmp/out"))


def test_every_key_of_a_load_is_an_option() -> None:
    assert sorted(option.key for option in LOAD_OPTIONS) == sorted(set(Load.model_fields) - {"warm_up"})
    assert {option.needs for option in LOAD_OPTIONS} <= {"", *Load.model_fields}


def test_load_accepts_every_option() -> None:
    """In a process of its own: the load's package is imported where Locust runs, and nowhere else."""
    (options,) = LOCUSTFILES.glob("unilab_load/**/options.py")
    module = ".".join(options.relative_to(LOCUSTFILES).with_suffix("").parts)
    program = (
        f"import argparse, {module}; parser = argparse.ArgumentParser(); {module}.add_options(parser);"
        "print(*(flag for action in parser._actions for flag in action.option_strings))"
    )
    environment = os.environ | {"PYTHONPATH": str(LOCUSTFILES), "LOCUST_SKIP_MONKEY_PATCH": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    known = set(done.stdout.split())
    locusts_own = {"--users"}
    flags = {option.flag for option in LOAD_OPTIONS} | {"--parameters"}
    assert flags - locusts_own <= known, done.stderr
    assert {"--ceiling", "--output", "--responses", "--seed", "--identity", "--expect-nonce"} <= known


@pytest.mark.parametrize(
    ("load", "words"),
    [
        (CLOSED, "--users 4 --warm-up-s 1.0 --timeout-s 30 --duration-s 2.0"),
        (Load(users=1, warm_up_s=0, requests=10), "--users 1 --warm-up-s 0.0 --timeout-s 30 --requests 10"),
        (
            OPEN,
            "--users 40 --warm-up-s 0.0 --timeout-s 30 --duration-s 5.0 --rate 100.0 --arrivals constant "
            "--search-p99-ms 9.0",
        ),
    ],
)
def test_study_sets_options(load: Load, words: str) -> None:
    assert " ".join(study_options(load)) == words


def test_only_an_open_loop_has_a_seed() -> None:
    words = command(OPEN)
    assert words[words.index("--seed") + 1] == "7"
    assert "--seed" not in command(CLOSED)


def test_whole_command_of_a_closed_loop() -> None:
    words = command()
    assert words[:4] == ["sh", "-c", 'rm -rf -- "$0" && exec "$@"', "/tmp/out"]
    assert " ".join(words[4:]) == (
        "/opt/load/run locust --locustfile /opt/load/locustfiles/todos.py --headless --only-summary "
        "--host http://10.0.0.5:8080 --responses /opt/load/responses/todos.json "
        f"--ceiling 9000.0 --output /tmp/out --expect-nonce abc --expect-artifact {'a' * 64} "
        "--expect-threads 2 --users 4 --warm-up-s 1.0 --timeout-s 30 --duration-s 2.0"
    )


@pytest.mark.parametrize("processes", [1, 3])
def test_master_waits_for_all_workers(processes: int) -> None:
    words = command(processes=processes)
    assert ("--master" in words) is (processes > 1)
    assert processes == 1 or words[words.index("--expect-workers") + 1] == "3"


def test_worker_follows_its_master() -> None:
    words = worker_command(SORT, Clients("/opt/load", 2), "10.0.0.1")
    assert words[2] == "--locustfile=/opt/load/locustfiles/bubble_sort.py"
    assert words[3:] == ["--worker", "--master-host=10.0.0.1"]


def test_calibration_has_users_and_sizes_of_the_study() -> None:
    words = calibration_command(CLOSED, SORT, {"array_length": 300}, "/opt/load", "/tmp/out")
    assert (
        words[words.index("--parameters") + 1] == "array_length=300"
        and words[words.index("--users") + 1] == "4"
    )
    module = words[words.index("-m") + 1]
    assert (LOCUSTFILES / (module.replace(".", "/") + ".py")).is_file()


def test_patience_covers_the_whole_load() -> None:
    assert patience_s(Load(users=1, duration_s=100, warm_up_s=10, timeout_s=5)) == 100 + 10 + 2 * 5 + 300
    assert patience_s(Load(users=1, warm_up_s=0, requests=5)) > 3600


def test_output_of_an_earlier_load_is_removed_before_the_load_starts(tmp_path: Path) -> None:
    """A load that cannot start leaves nothing that could be taken for its result."""
    output = tmp_path / "output folder"
    output.mkdir()
    (output / "load.json").write_text('{"outcome": {"state": "completed"}}')
    words = command()
    prefix = [*words[:3], str(output)]
    done = subprocess.run([*prefix, str(tmp_path / "missing")], capture_output=True, text=True, check=False)
    assert done.returncode != 0 and not output.exists()
    done = subprocess.run(
        [*prefix, sys.executable, "-c", "print('ran')"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "ran\n")


LOADED: dict[str, Any] = {"outcome": {"state": "completed", "why": ""}}


def test_result_counts_only_where_it_arrived(tmp_path: Path) -> None:
    (tmp_path / "load.json").write_text(json.dumps(LOADED))
    run = {"rc": 0, "stderr_lines": ["first", "last"], "msg": ""}
    assert load_step(run, ["load.json"], tmp_path) == {"produced": LOADED, "msg": "last"}
    assert load_step(run, ["latency.hlog"], tmp_path)["produced"] is None


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ({"stderr_lines": [], "msg": "non-zero return code"}, "non-zero return code"),
        ({"stderr_lines": ["a", "b"], "msg": "x"}, "b"),
        ({"unreachable": True, "msg": "no route"}, "no route"),
        ({}, "no message"),
    ],
)
def test_message_of_a_load_without_result(tmp_path: Path, run: dict[str, Any], message: str) -> None:
    assert load_step(run, [], tmp_path) == {"produced": None, "msg": message}


def test_damaged_result_is_no_result(tmp_path: Path) -> None:
    (tmp_path / "load.json").write_text("{")
    step = load_step({"stderr_lines": []}, ["load.json"], tmp_path)
    assert step["produced"] is None and step["msg"].startswith("load.json cannot be read")

"""The command line and the page's fields as one run; what cannot be met is refused."""

from __future__ import annotations

import dataclasses
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.loads import Load as StudyLoad
from contracts.trial import LoadResult

Load = Callable[[str], Any]


def _parsed(load: Load, *words: str) -> Namespace:
    parser = ArgumentParser()
    load("lead.options").add_options(parser)
    return parser.parse_args(words, Namespace(master=False, processes=None))


def _read(load: Load, folder: Path, *words: str, **own: Any) -> Any:
    """Options as Locust hands them over, ``own`` being those of Locust itself."""
    given = {"host": "http://127.0.0.1:80", "users": 3, "run_time_s": None} | own
    (folder / "responses.json").write_text("[]")
    return load("lead.options").read_options(
        _parsed(load, f"--output={folder / 'out'}", *words), locustfile=folder / "shop.py", **given
    )


@pytest.mark.parametrize(
    ("own", "words", "message"),
    [
        ({"host": "https://127.0.0.1:80"}, [], "--host: 'https://127.0.0.1:80' needs TLS"),
        ({"host": "127.0.0.1:80"}, [], "--host: '127.0.0.1:80' is not a service's address"),
        ({"host": "http://127.0.0.1/a"}, [], "--host: 'http://127.0.0.1/a' is not a service's address"),
        ({"host": "http://127.0.0.1/?a"}, [], "--host: 'http://127.0.0.1/?a' is not a service's address"),
        ({"host": "http://me@127.0.0.1"}, [], "--host: 'http://me@127.0.0.1' is not a service's address"),
        ({"host": "http://127.0.0.1:0"}, [], "--host: 'http://127.0.0.1:0' is not a service's address"),
        ({"host": "http://127.0.0.1:99999"}, [], "--host: 'http://127.0.0.1:99999' is no address"),
        ({"host": "http://[::1"}, [], "--host: 'http://[::1' is no address"),
        ({"host": "http://no-such-host.invalid"}, [], "--host: 'no-such-host.invalid' has no address"),
        ({"host": f"http://{'ä' * 80}.invalid"}, [], f"--host: '{'ä' * 80}.invalid' has no address"),
        ({"host": ""}, [], "--host: missing"),
        ({"users": 0}, [], "--users: '0' is no number of users"),
        ({}, ["--requests="], "--duration-s: a run ends by a time or by a count"),
        ({"run_time_s": 3.0}, ["--requests=5"], "--duration-s: a run ends by a time or by a count"),
        ({"run_time_s": 3.0}, ["--duration-s=5"], "--run-time: --duration-s is the same"),
        ({}, ["--requests=5", "--rate=9"], "--rate: an open loop ends by a time"),
        ({}, ["--duration-s=5", "--search-p99-ms=9"], "--search-p99-ms: a search starts from a rate"),
        ({}, ["--requests=5", "--ceiling=x"], "--ceiling: 'x' is no number above 0"),
        ({}, ["--requests=5", "--identity=x"], "--identity: 'x' is unknown. Remedy: give nonce or answers"),
        ({}, ["--requests=-5"], "--requests: '-5' is no count"),
        ({}, ["--requests=5", "--seed=1.5"], "--seed: '1.5' is no count"),
        ({}, ["--duration-s=nan"], "--duration-s: 'nan' is no number of seconds"),
        ({}, ["--duration-s=0"], "--duration-s: '0' is no number of seconds"),
    ],
)
def test_option_that_cannot_be_met_is_refused(
    own: dict[str, Any], words: list[str], message: str, load: Load, tmp_path: Path
) -> None:
    with pytest.raises(load("worker.plan").InputError) as refused:
        _read(load, tmp_path, *words, **own)
    line = str(refused.value)
    assert line.startswith(message) and "Remedy: " in line
    assert not (tmp_path / "out").exists()


def test_defaults_are_those_of_a_closed_loop(load: Load, tmp_path: Path) -> None:
    options = _read(load, tmp_path, run_time_s=3.0)
    plan = options.plan
    assert (options.users, plan.duration_s, plan.requests, plan.warm_up_s) == (3, 3.0, None, 0)
    assert (plan.timeout_s, plan.max_s, plan.rate_per_s, plan.arrivals, plan.seed) == (
        30,
        3600,
        None,
        "poisson",
        0,
    )
    assert (options.identity, options.parameters, options.ceiling_per_s) == ("optional", {}, None)
    assert [(target.host, target.address) for target in options.targets] == [("127.0.0.1:80", "127.0.0.1")]
    assert options.responses == tmp_path / "responses.json" and options.output == tmp_path / "out"


def test_empty_fields_of_the_page_count_as_absent(load: Load, tmp_path: Path) -> None:
    words = ["--duration-s=", "--rate=", "--expect-nonce=", "--identity=", "--warm-up-s=", "--timeout-s="]
    options = _read(load, tmp_path, *words, run_time_s=3.0)
    assert (options.plan.duration_s, options.plan.rate_per_s, options.plan.timeout_s) == (3.0, None, 30)
    assert (options.expected_nonce, options.identity) == (None, "optional")


@pytest.mark.parametrize("expects", ["--expect-nonce=n", "--expect-artifact=a", "--expect-threads=2"])
def test_expected_identity_has_to_be_stated(expects: str, load: Load, tmp_path: Path) -> None:
    assert _read(load, tmp_path, expects, "--requests=5").identity == "nonce"


def test_parameters_and_a_ceiling_are_optional(load: Load, tmp_path: Path) -> None:
    options = _read(load, tmp_path, "--requests=5", "--parameters=", "--ceiling=0")
    assert (options.parameters, options.ceiling_per_s) == ({}, None)
    options = _read(load, tmp_path, "--requests=5", "--parameters=array_length=7,mode=a=b", "--ceiling=9.5")
    assert (options.parameters, options.ceiling_per_s) == ({"array_length": "7", "mode": "a=b"}, 9.5)


@pytest.mark.parametrize(
    "place", ["services/shop/responses.json", "../services/shop/responses.json", "../responses/shop.json"]
)
def test_responses_of_the_workload_precede_those_beside_it(place: str, load: Load, tmp_path: Path) -> None:
    folder = tmp_path / "locustfiles"
    (folder / place).parent.mkdir(parents=True)
    (folder / place).write_text("[]")
    found = _read(load, folder, "--requests=5").responses
    assert found.resolve() == (folder / place).resolve()


def test_load_of_a_study_and_of_the_record_have_the_options_names(load: Load) -> None:
    """One name per fact from the study to the record: what a study sets, the load has an option for."""
    plan, own = load("worker.plan").LoadPlan, load("lead.options").LoadOptions
    names = {field.name for field in (*dataclasses.fields(plan), *dataclasses.fields(own))}
    # Pilot boots turn warm_up into warm_up_s before any trial is loaded.
    assert set(StudyLoad.model_fields) - {"warm_up"} <= names
    shared = {"users", "warm_up_s", "rate_per_s", "arrivals"}
    assert shared <= names & set(LoadResult.model_fields)


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

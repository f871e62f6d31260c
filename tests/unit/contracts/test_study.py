"""Studies: what is accepted, and the one message for what is not."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import yaml

from contracts.arms import known_arms
from contracts.availability import arms_not_run
from contracts.control import is_again
from contracts.errors import InputError
from contracts.plan import plan_trials
from contracts.study import load_study
from filter_plugins.arms.arms import arm_of

STUDIES = sorted((Path(__file__).parents[3] / "studies").glob("*.yml"))
GOOD = {
    "name": "small",
    "title": "A small study",
    "seed": 3,
    "boots": 3,
    "services": ["todos-go", "bubble_sort-go"],
    "arms": ["docker", "linux-qemu"],
    "threads": [1, 4],
    "caps": [{"memory_mib": 256}],
    "array_length": 50,
    "load": {"todos": {"users": 4, "duration_s": 1}, "bubble_sort": {"users": 1, "requests": 10}},
}


def write(folder: Path, **changes: object) -> Path:
    path = folder / "study.yml"
    path.write_text(yaml.safe_dump(GOOD | changes))
    return path


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_the_projects_own_studies_are_right(path: Path) -> None:
    assert load_study(path).name == path.stem


def test_cells_are_the_cross_product_and_caps_follow_threads(tmp_path: Path) -> None:
    cells = load_study(write(tmp_path)).cells()
    assert len(cells) == 2 * 2 * 2
    assert {(cell.threads, cell.cpus) for cell in cells} == {(1, 1.0), (4, 4.0)}
    assert {cell.slug.endswith("mib") for cell in cells if cell.service == "todos-go"} == {True}
    assert {cell.parameters["array_length"] for cell in cells if cell.service == "bubble_sort-go"} == {50}
    assert len({cell.slug for cell in cells}) == len(cells)


def test_excluded_cells_are_left_out(tmp_path: Path) -> None:
    study = load_study(write(tmp_path, exclude=[{"service": "todos-go", "threads": 4}]))
    assert not [c for c in study.cells() if c.service == "todos-go" and c.threads == 4]
    assert len(study.cells()) == 6


@pytest.mark.parametrize(
    ("changes", "key", "problem"),
    [
        ({"boot": 3}, "boot", "unknown key in study"),
        ({"arms": ["dokcer"]}, "arms", "unknown arm 'dokcer'"),
        ({"services": ["todos-rust"]}, "services", "unknown service 'todos-rust'"),
        ({"arms": ["docker", "docker"]}, "arms", "named twice"),
        ({"control": "osv-qemu"}, "", "control 'osv-qemu' is not one of arms"),
        ({"threads": [0]}, "threads", "between 1 and 64"),
        ({"load": {"todos": {"users": 1, "duration_s": 1}}}, "", "load lacks 'bubble_sort'"),
        ({"load": {"todos": {"users": 1}}}, "load.todos", "either duration_s or requests"),
        ({"caps": [{"memory_mb": 256}]}, "caps.0", "memory_mib"),
        ({"exclude": [{"servce": "x"}]}, "", "'servce', which no cell has"),
        ({"seed": "x"}, "seed", "integer"),
    ],
)
def test_a_mistake_is_one_line_with_file_key_and_remedy(
    tmp_path: Path, changes: dict[str, object], key: str, problem: str
) -> None:
    path = write(tmp_path, **changes)
    with pytest.raises(InputError) as caught:
        load_study(path)
    message = str(caught.value)
    assert message.startswith(str(path)) and "\n" not in message
    assert key in message and "Remedy: " in message
    assert problem in message or problem in caught.value.key


@pytest.mark.parametrize("text", ["- a list", "a: [", ""])
def test_what_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "study.yml"
    path.write_text(text)
    with pytest.raises(InputError, match="Remedy"):
        load_study(path)


def test_the_hash_is_that_of_the_meaning(tmp_path: Path) -> None:
    path = write(tmp_path)
    before = load_study(path).sha256
    path.write_text("# a comment\n" + yaml.safe_dump(dict(reversed(GOOD.items())), sort_keys=False))
    assert load_study(path).sha256 == before
    assert load_study(write(tmp_path, seed=4)).sha256 != before


def test_a_control_is_one_more_arm_that_boots_the_same_thing(tmp_path: Path) -> None:
    without = load_study(write(tmp_path))
    study = load_study(write(tmp_path, control="docker"))
    assert study.sha256 != without.sha256
    twins = [cell for cell in study.cells() if is_again(cell.arm)]
    docker = [cell for cell in study.cells() if cell.arm == "docker"]
    assert [cell.model_copy(update={"arm": "docker"}) for cell in twins] == docker != []
    assert [cell for cell in study.cells() if not is_again(cell.arm)] == without.cells()
    assert {arm_of(cell.arm)["platform"] for cell in twins} == {arm_of("docker")["platform"]}
    trials = plan_trials(study)
    assert trials == plan_trials(study)
    assert len({trial.directory for trial in trials}) == len(trials) == study.boots * len(study.cells())


def test_a_control_is_excluded_with_its_arm_or_by_its_own_name(tmp_path: Path) -> None:
    service = load_study(write(tmp_path)).services[0]
    for arm, left in (("docker", 0), ("docker-again", 1)):
        study = load_study(write(tmp_path, control="docker", exclude=[{"arm": arm, "service": service}]))
        cells = [cell.arm for cell in study.cells() if cell.service == service]
        assert (cells.count("docker") > 0, cells.count("docker-again")) == (left == 1, 0)


def test_a_control_cannot_run_where_its_arm_cannot(tmp_path: Path) -> None:
    study = load_study(write(tmp_path, control="docker"))
    assert {"docker", "docker-again"} <= {row.arm for row in arms_not_run(study, {}, "")}


def test_a_study_without_a_control_keeps_its_hash(tmp_path: Path) -> None:
    study = load_study(write(tmp_path))
    content = study.model_dump(mode="json")
    later = ["control", "prebuilt", "headline", "precision", "pilots", "without_counts", "time_limit_min"]
    later += ["network"]
    values = [content.pop(key) for key in later]
    assert not any(values)
    for load in content["load"].values():
        # A key that came later: it counts where it is used.
        if load["warm_up"] is None:
            del load["warm_up"]
    assert content.pop("parameters") == {"bubble_sort": {"array_length": 50}}
    # It was a key of its own then.
    content["array_length"] = 50
    assert study.sha256 == hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def test_each_block_holds_each_cell_once_in_an_order_of_the_seed(tmp_path: Path) -> None:
    study = load_study(write(tmp_path))
    trials = plan_trials(study)
    assert trials == plan_trials(study)
    for block in range(study.boots):
        cells = [trial.cell for trial in trials if trial.block == block]
        assert sorted(cell.slug for cell in cells) == sorted(cell.slug for cell in study.cells())
    orders = {tuple(t.cell.slug for t in trials if t.block == block) for block in range(study.boots)}
    assert len(orders) > 1
    assert [trial.id for trial in trials] == [f"{number:04d}" for number in range(1, len(trials) + 1)]


def test_arms_that_cannot_run_are_named_with_a_remedy(tmp_path: Path) -> None:
    study = load_study(write(tmp_path, arms=list(known_arms())))
    everything = {arm.host_group: ["host"] for arm in known_arms().values()}
    not_run = {row.arm: row for row in arms_not_run(study, everything, osv_loader="")}
    assert set(not_run) == {"osv-qemu", "osv-xenserver"}
    assert "OSV_LOADER" in not_run["osv-qemu"].remedy
    assert "osv-qemu" not in {row.arm for row in arms_not_run(study, everything, "loader.elf")}
    assert "docker" in {row.arm for row in arms_not_run(study, {}, "")}

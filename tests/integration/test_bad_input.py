"""Bad input: one clear message and a failing exit, before anything was changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from laboratory import PROJECT, namespaces, play, processes, site

from contracts.arms import known_arms

SMOKE = yaml.safe_load((PROJECT / "studies/smoke.yml").read_text())


@pytest.fixture(autouse=True)
def nothing_changes(tmp_path: Path) -> Iterator[None]:
    """Neither the laboratory nor the campaigns may differ after a refused run."""
    before = (namespaces(), len(processes()))
    yield
    assert (namespaces(), len(processes())) == before
    assert not (tmp_path / "results").exists()


def refused(tmp_path: Path, *arguments: str, **options: object) -> str:
    status, output = site("-e", f"results_dir={tmp_path}/results", *arguments, **options)
    assert status != 0, output
    assert "Traceback" not in output
    return " ".join(output.split())


def study(tmp_path: Path, **changes: object) -> str:
    path = tmp_path / "study.yml"
    path.write_text(yaml.safe_dump(SMOKE | changes))
    return f"study={path}"


def test_an_unknown_key_in_a_study(tmp_path: Path) -> None:
    output = refused(tmp_path, "-e", study(tmp_path, bootz=3))
    assert f"{tmp_path}/study.yml: key bootz: unknown key in study. Remedy:" in output


def test_an_unknown_arm(tmp_path: Path) -> None:
    output = refused(tmp_path, "-e", study(tmp_path, arms=["dokcer"]))
    assert f"key arms: unknown arm 'dokcer'; known are {', '.join(known_arms())}" in output


def test_a_study_that_is_not_there(tmp_path: Path) -> None:
    output = refused(tmp_path, "-e", "study=studies/nothing.yml")
    assert "studies/nothing.yml: cannot read this study: No such file or directory. Remedy:" in output


def test_a_loader_that_is_not_there_or_none(tmp_path: Path) -> None:
    assert "key osv_loader: cannot read it" in refused(tmp_path, "-e", "osv_loader=/nothing")
    (tmp_path / "text").write_text("no loader\n")
    output = refused(tmp_path, "-e", f"osv_loader={tmp_path}/text")
    assert "key osv_loader: neither an ELF kernel, a raw boot disk nor a qcow2 image" in output


def test_a_loader_to_download_without_its_hash(tmp_path: Path) -> None:
    output = refused(tmp_path, "-e", "osv_loader=https://127.0.0.1/osv-loader.qemu")
    assert "key osv_loader_sha256: is not given" in output and "Remedy: OSv publishes none" in output


def test_a_prebuilt_image_that_is_not_there(tmp_path: Path) -> None:
    images = {"nanos": {"todos-go": {"disk": "nothing.raw"}}}
    output = refused(
        tmp_path, "-e", study(tmp_path, services=["todos-go"], arms=["nanos-qemu"], prebuilt=images)
    )
    assert "key prebuilt.nanos.todos-go.disk: cannot read" in output


def test_a_manifest_that_names_a_missing_file(tmp_path: Path) -> None:
    folder = tmp_path / "services/todos/go"
    folder.mkdir(parents=True)
    (folder / "Capstanfile").write_text("files: {/app/server: nothing}\ncmdline: /app/server\n")
    output = refused(
        tmp_path,
        *("-e", study(tmp_path, services=["todos-go"]), "-e", f"service_tree_source={tmp_path}/services"),
        *("-e", f"service_tree_dir={tmp_path}/trees", "--tags", "service_tree", "--skip-tags", "local_lab"),
    )
    assert "Capstanfile: key files./app/server: 'nothing' does not exist. Remedy:" in output
    assert not (tmp_path / "trees/todos-go").exists()


def test_an_inventory_that_names_nothing(tmp_path: Path) -> None:
    output = refused(tmp_path, inventory="no-such-laboratory")
    assert "no-such-laboratory" in output


def test_another_user_than_root(tmp_path: Path) -> None:
    output = refused(tmp_path, prefix=["unshare", "--user"])
    assert "which only root may. Remedy: run the same command as root" in output


def test_a_full_disk(tmp_path: Path) -> None:
    output = refused(
        tmp_path, "-e", f"local_lab_dir={tmp_path}/lab", "-e", json.dumps({"local_lab_space_gib": 10**6})
    )
    assert "the laboratory needs 1000000. Remedy: free space, or name another place" in output
    assert not (tmp_path / "lab").exists()


@pytest.mark.parametrize("inventory", ["lab", "inventories/local"])
def test_the_playbooks_are_sound_without_any_host(inventory: str) -> None:
    for question in ("--syntax-check", "--list-tasks", "--list-tags"):
        status, output = play("site.yml", "-i", inventory, question)
        assert status == 0, output

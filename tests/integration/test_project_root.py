"""The project is found with any inventory and from any folder, tags are checked."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from laboratory import PLAYBOOK, PROJECT, environment, play

from filter_plugins.project_root import known_tags

MADE = shutil.ignore_patterns(
    ".git",
    ".venv",
    ".lab",
    ".cache",
    ".collections",
    "results",
    "build",
    "*.egg-info",
    ".*_cache",
    "__pycache__",
)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as it is cloned, without anything that `make setup` makes, at a path with a space."""
    target = tmp_path_factory.mktemp("with a space") / "unilab"
    shutil.copytree(PROJECT, target, symlinks=True, ignore=MADE)
    (target.parent / "my lab").mkdir()
    shutil.copy(PROJECT / "inventories/example/hosts.yml", target.parent / "my lab")
    return target


def run(folder: Path, *arguments: str, **variables: str) -> tuple[int, str]:
    """Run ansible-playbook in ``folder`` with further environment; return its exit status and output."""
    done = subprocess.run(
        [PLAYBOOK, *arguments],
        cwd=folder,
        env=environment() | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, " ".join(done.stdout.split())


def report_of(clone: Path, study: str) -> list[Path]:
    return list(clone.glob(f"results/{study}-*/report.html"))


@pytest.mark.parametrize(
    "inventory",
    [["lab"], ["inventories/lab"], ["{clone}/lab/hosts.yml"], ["../my lab"], ["lab", "inventories/local"]],
    ids=" and ".join,
)
def test_the_report_is_reached_with_any_inventory_and_without_a_vault(
    clone: Path, inventory: list[str]
) -> None:
    shutil.rmtree(clone / "results", ignore_errors=True)
    named = [word for name in inventory for word in ("-i", name.format(clone=clone))]
    status, output = run(clone, "site.yml", *named, "--tags", "report", "-e", "study=studies/smoke.yml")
    assert status == 0, output
    assert "WARNING" not in output
    (report,) = report_of(clone, "smoke")
    assert str(report) in output


def test_a_second_report_is_of_the_same_campaign(clone: Path) -> None:
    for _ in range(2):
        status, output = run(
            clone, "site.yml", "-i", "lab", "--tags", "report", "-e", "study=studies/paper.yml"
        )
        assert status == 0, output
    assert len(report_of(clone, "paper")) == 1


def test_an_encrypted_vault_stays_closed_until_its_xenserver_is_used(clone: Path, tmp_path: Path) -> None:
    inventory = tmp_path / "lab"
    vault = inventory / "group_vars/xenserver_hosts/vault.yml"
    vault.parent.mkdir(parents=True)
    shutil.copy(PROJECT / "inventories/lab/hosts.yml", inventory)
    vault.write_text("vault_xenserver_password: secret\n")
    (tmp_path / "password").write_text("password\n")
    encrypt = [
        Path(PLAYBOOK).with_name("ansible-vault"),
        "encrypt",
        "--vault-password-file",
        tmp_path / "password",
    ]
    subprocess.run([*encrypt, vault], check=True, capture_output=True, timeout=60)
    status, output = run(clone, "site.yml", "-i", str(inventory), "--tags", "report")
    assert status == 0, output
    status, output = run(
        clone, "site.yml", "-i", str(inventory), "--tags", "xenserver_host", "-e", "alternates="
    )
    assert status != 0 and "no vault secrets found" in output


def test_a_xenserver_without_a_password_is_refused_by_name(clone: Path, tmp_path: Path) -> None:
    hosts = {"xenserver_hosts": {"hosts": {"xenserver": {"ansible_host": "192.0.2.1"}}}}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump(hosts))
    status, output = run(clone, "site.yml", "-i", str(tmp_path), "--tags", "xenserver_host")
    assert status != 0
    assert "xenserver: vault_xenserver_password: is not given. Remedy: ansible-vault create" in output


def test_another_working_directory_is_refused_with_the_remedy_and_works_with_it(clone: Path) -> None:
    arguments = [f"{clone}/site.yml", "-i", f"{clone}/lab", "--tags", "report"]
    status, output = run(clone.parent, *arguments)
    assert status != 0 and "Traceback" not in output
    assert f"Remedy: run the command in {clone}, or set ANSIBLE_CONFIG='{clone}/ansible.cfg'" in output
    status, output = run(clone.parent, *arguments, ANSIBLE_CONFIG=f"{clone}/ansible.cfg")
    assert status == 0 and f"report: {clone}/results/" in output, output


@pytest.mark.parametrize("option", ["--tags", "--skip-tags"])
def test_a_mistyped_tag_is_refused_with_the_list(option: str) -> None:
    status, output = play("site.yml", "-i", "lab", option, "report,docker_engin")
    output = " ".join(output.split())
    assert status != 0 and "PLAY" not in output
    assert f"{option}: unknown tag 'docker_engin'. Remedy: give one of docker_engine, docker_image," in output


def test_the_tags_are_those_of_the_playbooks_and_of_the_readme() -> None:
    status, output = play("site.yml", "-i", "lab", "--list-tags")
    assert status == 0, output
    listed = {tag.strip() for row in re.findall(r"TASK TAGS: \[(.*)\]", output) for tag in row.split(",")}
    assert listed - {"always", ""} == known_tags()
    rows = re.findall(r"^\| (`.*?`) \|", (PROJECT / "README.md").read_text(), flags=re.MULTILINE)
    assert {tag for row in rows for tag in re.findall(r"`(\w+)`", row)} == known_tags()


def test_the_example_holds_groups_addresses_and_credentials_only() -> None:
    inventory = yaml.safe_load((PROJECT / "inventories/example/hosts.yml").read_text())["all"]["children"]
    assert [path.name for path in (PROJECT / "inventories/example").iterdir()] == ["hosts.yml"]
    assert set(inventory) == {"docker_hosts", "qemu_hosts", "load_clients", "machines"}
    hosts = {key for group in inventory.values() for host in group.get("hosts", {}).values() for key in host}
    assert hosts == {"ansible_host", "guest_address", "guest_prefix_length", "guest_gateway"}
    assert inventory["machines"]["vars"] == {"ansible_user": "root"}

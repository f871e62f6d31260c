from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.hosts import apt_sources
from ansible.module_utils.unilab.hosts.apt_sources import Repository

URI = "https://download.docker.com/linux/ubuntu"
DOCKER = Repository(URI, "noble")

OTHERS = ("http://deb.debian.org/debian", "http://archive.ubuntu.com/ubuntu")

# Files that hosts have from Docker's instructions of several years, from roles and from add-apt-repository.
FOREIGN = {
    "signed by another key": (
        "docker.list",
        f"deb [arch=amd64 signed-by=/etc/apt/keyrings/docker.gpg] {URI} noble stable\n",
    ),
    "without a key": ("docker.list", f"deb {URI} noble stable\n"),
    "with a slash at the end": (
        "archive_uri-https_download_docker_com_linux_ubuntu-noble.list",
        f"deb [ arch=amd64  signed-by=/usr/share/keyrings/docker.gpg ]   {URI}/   noble stable test",
    ),
    "as source packages": ("docker.list", f"deb-src [signed-by=/a.gpg] {URI} noble stable\n"),
    "in the main file": (
        "../sources.list",
        f"deb http://deb.debian.org/debian bookworm main\ndeb {URI} noble stable\n",
    ),
    "as a stanza": (
        "docker.sources",
        f"# Docker\nTypes: deb\nURIs: {URI}\nSuites: noble\nComponents: stable\nSigned-By: /a.asc\n",
    ),
    "as one stanza of several": (
        "all.sources",
        "Types: deb\nURIs: http://archive.ubuntu.com/ubuntu\nSuites: noble noble-updates\nComponents: main\n"
        f"\nTypes: deb\nURIs:\n {URI}\nSuites: noble\nComponents: stable\nSigned-By:\n -----BEGIN\n .\n"
        " -----END\n",
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sources.list.d").mkdir()
    return tmp_path


def _own(folder: Path) -> Path:
    return folder / "sources.list.d" / "unilab-docker.sources"


@pytest.mark.parametrize("case", FOREIGN)
def test_entry_is_disabled_and_enabled_again(case: str, folder: Path) -> None:
    name, text = FOREIGN[case]
    path = folder / "sources.list.d" / name
    path.write_text(text)
    (found,) = apt_sources.disabled(DOCKER, _own(folder), folder).items()
    path.write_text(found[1])
    kept = [line for line in found[1].splitlines() if not line.startswith("#")]
    assert found[0].samefile(path) and not any(URI in line for line in kept)
    assert apt_sources.disabled(DOCKER, _own(folder), folder) == {}
    ((_, restored),) = apt_sources.enabled(folder).items()
    assert restored == text


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="needs apt")
@pytest.mark.parametrize("case", FOREIGN)
def test_apt_accepts_the_files_that_are_written(case: str, folder: Path) -> None:
    """apt itself reads the folder and finds no conflict."""
    name, text = FOREIGN[case]
    (folder / "sources.list.d" / name).write_text(text)
    _own(folder).write_text(apt_sources.entry(DOCKER, ["stable"], "/etc/apt/keyrings/unilab-docker.asc"))
    for path, after in apt_sources.disabled(DOCKER, _own(folder), folder).items():
        path.write_text(after)
    done = _targets(folder)
    assert done.returncode == 0, done.stderr
    entries = {line for line in done.stdout.splitlines() if "docker.com" in line}
    assert entries == {f"{URI}/ noble"}
    others = {line.split()[0] for line in done.stdout.splitlines()} - {f"{URI}/"}
    assert others == {f"{uri}/" for uri in OTHERS if uri in text}


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="needs apt")
def test_apt_refuses_two_entries_with_different_keys(folder: Path) -> None:
    """The fault that disabling prevents, as this machine's apt reports it."""
    (folder / "sources.list.d/docker.list").write_text(FOREIGN["signed by another key"][1])
    _own(folder).write_text(apt_sources.entry(DOCKER, ["stable"], "/etc/apt/keyrings/unilab-docker.asc"))
    assert "Conflicting values set for option Signed-By" in _targets(folder).stderr


def _targets(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            "apt-get",
            "indextargets",
            "--format",
            "$(REPO_URI) $(RELEASE)",
            "--no-release-info",
            "-o",
            f"Dir::Etc::sourcelist={folder}/sources.list",
            "-o",
            f"Dir::Etc::sourceparts={folder}/sources.list.d",
        ],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "text",
    [
        f"# deb {URI} noble stable\n",
        f"deb {URI} jammy stable\n",
        "deb https://download.docker.com/linux/debian noble stable\n",
        f"Types: deb\nURIs: {URI}\nSuites: noble\nComponents: stable\nEnabled: no\n",
    ],
)
def test_other_repositories_and_disabled_entries_are_not_touched(text: str, folder: Path) -> None:
    suffix = "sources" if text.startswith("Types") else "list"
    (folder / f"sources.list.d/other.{suffix}").write_text(text)
    assert apt_sources.disabled(DOCKER, _own(folder), folder) == {}


def test_own_file_is_not_disabled(folder: Path) -> None:
    _own(folder).write_text(apt_sources.entry(DOCKER, ["stable"], "/a.asc"))
    assert apt_sources.disabled(DOCKER, _own(folder), folder) == {}


def test_file_that_apt_does_not_read_is_not_touched(folder: Path) -> None:
    (folder / "sources.list.d/docker.list.save").write_text(FOREIGN["without a key"][1])
    assert apt_sources.disabled(DOCKER, _own(folder), folder) == {}


@pytest.mark.parametrize(
    "shared", [f"URIs: {URI} https://example.org/\nSuites: noble", f"URIs: {URI}\nSuites: jammy noble"]
)
def test_stanza_that_names_other_repositories_too_is_refused_by_name(shared: str, folder: Path) -> None:
    path = folder / "sources.list.d/mixed.sources"
    path.write_text(f"Types: deb\n{shared}\nComponents: stable\n")
    with pytest.raises(LabError, match=r"mixed\.sources: one entry names .* Remedy: "):
        apt_sources.disabled(DOCKER, _own(folder), folder)

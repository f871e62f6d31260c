"""Every command of README and docs is run, or held against the program that it names.

Commands of README's section on three machines run in test_machines_of_readme.py. Here, a command that would
run for long, or on machines, is checked without doing its work: playbooks are listed, recipes of make are
printed, tests collected; options, tags, variables and files have to exist.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from campaigns import make_study, write_campaign
from documented import DOCUMENTS, PROJECT, Command, commands

from contracts.errors import InputError
from unilab.command_line import parsed
from unilab.running import inventory_path

PROGRAMS = Path(sys.executable).parent
ALL = [command for document in DOCUMENTS for command in commands(document)]
UNIQUE = list(dict.fromkeys(command.text for command in ALL))
MACHINES = "Three machines"

# Programs that run nowhere here, and why.
NOT_RUN = {
    "chromium": "a browser is no package that setup installs; it only draws the picture of the sample report",
    "mvn": "builds JMeter's plug-in for a benchmark, out of Maven Central, for a minute",
    ".venv/bin/pre-commit": "writes a hook into the folder .git of this checkout",
    "pip": "fetches pandas for a benchmark, 60 MB",
}
# Commands that need more than one campaign, and the test that runs them.
ELSEWHERE = {"python -m analysis compare results/before results/after": "tests/unit/analysis/test_work.py"}
# Commands with a meaning only in the section on three machines; test_machines_of_readme.py runs them.
ONLY_WITH_MACHINES = ("cp", "$EDITOR")

LIMIT_S = 180


class Place:
    """A folder to run in, with a home that holds the example's inventory, and a campaign with records."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "work"
        (self.folder / "docs").mkdir(parents=True)
        self.home = folder / "home"
        shutil.copytree(PROJECT / "inventories/example", self.home / "lab")
        self.campaign = folder / "results/demo"
        write_campaign(self.campaign, make_study())

    def run(self, text: str, cwd: Path = PROJECT) -> str:
        """Run ``text`` by a shell, with the project's programs; return its output. Fails where it does."""
        path = f"{PROGRAMS}:{os.environ['PATH']}"
        environment = os.environ | {"PATH": path, "HOME": str(self.home), "PYTHONPATH": str(PROJECT)}
        done = subprocess.run(
            [
                "bash",
                "-euo",
                "pipefail",
                "-c",
                re.sub(r"\bresults/\w+", shlex.quote(str(self.campaign)), text),
            ],
            cwd=cwd,
            env=environment | {"ANSIBLE_NOCOLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        assert done.returncode == 0, f"{text}: {done.stdout[-3000:]}"
        return done.stdout


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("documented"))


def check_playbook(text: str, place: Place) -> None:
    listed = text if "--list-tasks" in text else f"{text} --list-tasks"
    assert "playbook: site.yml" in place.run(listed)
    words = shlex.split(text)
    for before, word in pairwise(words):
        if before in ("-e", "--extra-vars"):
            _check_variable(*word.split("=", 1))


def _check_variable(name: str, value: str) -> None:
    assert name in _variables(), f"no playbook and no role has a variable {name}"
    if name == "study":
        assert (PROJECT / value).is_file(), f"{value} does not exist"


@cache
def _variables() -> frozenset[str]:
    files = [*PROJECT.glob("playbooks/*.yml"), *PROJECT.glob("roles/*/defaults/main.yml")]
    return frozenset(word for path in files for word in re.findall(r"\b[a-z][a-z0-9_]+\b", path.read_text()))


def check_make(text: str, place: Place) -> None:
    words = shlex.split(text.partition("&&")[0].removeprefix("sudo "))
    place.run(shlex.join([words[0], "--dry-run", *words[1:]]))
    makefile = (PROJECT / "Makefile").read_text()
    for word in words:
        name, found, _ = word.partition("=")
        assert not found or f"$({name})" in makefile, f"the Makefile has no variable {name}"


def check_pytest(text: str, place: Place) -> None:
    sources = "".join(path.read_text() for path in PROJECT.glob("tests/**/*.py"))
    for name in re.findall(r"\b([A-Z][A-Z_]+)=", text):
        assert f'"{name}"' in sources, f"no test reads {name}"
    place.run(f"{text} --collect-only -q")


def check_molecule(text: str, place: Place) -> None:
    command, option, scenario = shlex.split(text)[1:]
    assert command in _molecule_commands(place), f"molecule has no command {command}"
    assert option == "-s" and (PROJECT / "molecule" / scenario / "molecule.yml").is_file(), (
        f"no scenario {scenario}"
    )


@cache
def _molecule_commands(place: Place) -> frozenset[str]:
    return frozenset(re.findall(r"^  (\w+) ", place.run("molecule --help"), flags=re.MULTILINE))


def check_python(text: str, place: Place) -> None:
    if " -m analysis " in text:
        place.run(text, cwd=place.folder)
        return
    words = [word for word in shlex.split(text) if "=" not in word]
    assert words[1] == "-m"
    # A command below the module's own has a help of its own.
    below = [word for word in words[3:] if re.fullmatch("[a-z]+", word)][:1]
    _check_options(words, place.run(shlex.join([*words[:3], *below, "--help"])))


def check_unilab(text: str, place: Place) -> None:
    """What only reads is run; of the rest, words and the files that they name are checked."""
    words = [
        word.replace("~", str(place.home), 1) if word.startswith("~/") else word for word in shlex.split(text)
    ]
    options = parsed(words[1:])
    if options.command in ("plan", "status", "report", "compare"):
        named = [place.campaign.name if word.startswith("CAMPAIGN") else word for word in words]
        place.run(shlex.join([*named, "--results", str(place.campaign.parent)]))
        return
    study = getattr(options, "study", "site.yml")
    assert (PROJECT / study).is_file(), f"{study} does not exist"
    for inventory in options.inventory or []:
        inventory_path(inventory)
    for variable in options.extra_vars:
        _check_variable(*variable.split("=", 1))


def check_locust(text: str, place: Place) -> None:
    words = shlex.split(text)
    assert (PROJECT / words[words.index("-f") + 1]).is_file()
    # Locust's help is printed before a locustfile adds its options.
    own = "".join(path.read_text() for path in PROJECT.glob("locustfiles/unilab_load/**/*.py"))
    _check_options(words, place.run("locust --help") + own)


def _check_options(words: list[str], help_text: str) -> None:
    for word in words:
        option = word.partition("=")[0]
        if option.startswith("--"):
            assert re.search(rf"(?<![\w-]){option}(?![\w-])", help_text), f"no option {option}"


def check_shell(text: str, place: Place) -> None:
    place.run(text)


CHECKS: dict[str, Callable[[str, Place], None]] = {
    "ansible-playbook": check_playbook,
    "make": check_make,
    "pytest": check_pytest,
    ".venv/bin/pytest": check_pytest,
    "molecule": check_molecule,
    "python": check_python,
    "locust": check_locust,
    "export": check_shell,
    "unilab": check_unilab,
}


def check(command: Command, place: Place) -> None:
    """Run ``command``, or hold it against its program. Raises AssertionError where it is wrong."""
    if command.program in ONLY_WITH_MACHINES:
        assert command.section == MACHINES, f"{command}: executed by no test"
        return
    if command.program in NOT_RUN:
        return
    for start, test in ELSEWHERE.items():
        if command.text.startswith(start):
            for option in re.findall(r" --[a-z-]+", command.text):
                assert f'"{option.strip()}"' in (PROJECT / test).read_text(), f"{test} does not give {option}"
            return
    assert command.program in CHECKS, (
        f"{command}: neither a known command nor a listing (fence it as ```text)"
    )
    CHECKS[command.program](command.text, place)


@pytest.mark.parametrize("text", UNIQUE)
def test_the_command_works_as_written(text: str, place: Place) -> None:
    for command in ALL:
        if command.text == text:
            check(command, place)
            return


@pytest.mark.parametrize(
    "text",
    [
        "ansible-playbok site.yml -i lab",
        "ansible-playbook sight.yml -i lab",
        "ansible-playbook site.yml -i no-such-lab",
        "ansible-playbook site.yml -i ~/labs",
        "ansible-playbook site.yml -i lab --tags docker_engin",
        "ansible-playbook site.yml -i lab -e study=studies/nothing.yml",
        "ansible-playbook site.yml -i lab -e osvloader=loader.elf",
        "sudo make dmo",
        "sudo make demo LOADER=loader.elf",
        ".venv/bin/pytest tests/unit/test_nothing.py",
        "UNILAB_LOADER=x .venv/bin/pytest tests/unit/contracts/test_study.py",
        "molecule test -s docker_engin",
        "molecule tset -s docker_engine",
        "python -m analysis chek results/CAMPAIGN",
        "python -m analysis power results/CAMPAIGN --ration 1.05",
        "python -m tests.doubles.xapi state --folder .lab/xapi_double",
        "python -m tests.doubles.xapis state",
        "unilab plna studies/demo.yml",
        "unilab run studies/nothing.yml",
        "unilab run -i no-such-lab",
        "unilab run -e osvloader=loader.elf",
        "unilab status --wach",
        "unilab plan studies/demo.yml --set bots=3",
        "locust -f locustfiles/todos.py --headless --warm-up 2",
        "locust -f locustfiles/todo.py --headless",
        "cp -r inventories/example ~/lab",
    ],
)
def test_a_wrong_command_is_found(text: str, place: Place) -> None:
    with pytest.raises((AssertionError, InputError, SystemExit)):
        check(Command("README.md", "Another section", text), place)


def test_the_notebook_of_the_docs_runs(place: Place) -> None:
    (code,) = re.findall(
        r"```python\n(from analysis\.notebook.*?)```", (PROJECT / "docs/report.md").read_text(), re.DOTALL
    )
    place.run(shlex.join(["python", "-c", code]))


def test_reasons_and_documents_are_in_step() -> None:
    programs = {command.program for command in ALL}
    assert set(NOT_RUN) <= programs and len(ALL) > 40

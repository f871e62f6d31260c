"""Measure how many random changes of the code the unit tests notice: ``make mutants``.

For each package a sample of mutants is drawn from a seed. A mutant is run against the unit tests that import
its module, in a copy of the project. It is killed when one of them fails or exceeds its time limit. The score
has a 95 % interval (Wilson's). Survivors are printed as diffs; docs/mutation.md explains those that are left.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from scipy.stats import binomtest

from tools.mutants.places import Mutant, sample
from tools.mutants.trial import PASSED, load_libraries, run_tests

PROJECT = Path(__file__).resolve().parents[2]
RESULTS = PROJECT / ".cache/mutants"
# A test file that takes longer is not used: a survivor costs the time of all of its files.
FILE_MAX_CPU_S = 15.0


@dataclass(frozen=True)
class Package:
    """What is mutated (a folder), under which name it is imported, and the folder of its tests."""

    folder: str
    imported: str
    tests: str


PACKAGES = {
    "contracts": Package("contracts", "contracts", "tests/unit/contracts"),
    "module_utils": Package("module_utils/unilab", "ansible.module_utils.unilab", "tests/unit/module_utils"),
    "estimates": Package("analysis/estimates", "analysis.estimates", "tests/unit/analysis"),
    "unilab_load": Package("locustfiles/unilab_load", "unilab_load", "tests/unit/unilab_load"),
}


class TestFiles:
    """Which test files notice a module, in a copy of the project."""

    def __init__(self, package: Package, copy: Path) -> None:
        """Read the test files of ``package``."""
        self._package, self._copy = package, copy
        self._texts = {path: path.read_text() for path in sorted((copy / "tests/unit").rglob("test_*.py"))}

    def of(self, module: str) -> tuple[str, ...]:
        """The test files that import ``module`` or have its name, else all of the nearest mirrored folder."""
        parts = Path(module).relative_to(self._package.folder).with_suffix("").parts
        name = ".".join(parts)
        parent, _, last = f"{self._package.imported}.{name}".rpartition(".")
        patterns = [rf"\b{re.escape(parent)}\.{last}\b", rf"from {re.escape(parent)} import [^\n]*\b{last}\b"]
        patterns += [rf"from {re.escape(parent)} import \([^)]*\b{last}\b", rf"\(\"{re.escape(name)}\"\)"]
        importing = re.compile("|".join(patterns))
        found = [
            path
            for path, text in self._texts.items()
            if path.stem == f"test_{last}" or importing.search(text)
        ]
        folder = self._copy / self._package.tests / Path(*parts[:-1])
        while not found:
            found = [path for path in self._texts if path.is_relative_to(folder)]
            folder = folder.parent
        found.sort(key=lambda path: path.stem != f"test_{parts[-1]}")
        return tuple(str(path.relative_to(self._copy)) for path in found)

    @cache  # noqa: B019 - one instance lives as long as the program
    def cpu_s(self, test: str) -> float:
        """Processor time of a test file without a mutation. Exits where it fails."""
        run = run_tests([test], self._copy, 600, 1800)
        if run.code != PASSED:
            sys.exit(f"{test} fails without a mutation (code {run.code}). Remedy: make it pass first.")
        return run.cpu_s


def main() -> None:
    """Run the sample of each package."""
    options = _options()
    load_libraries()
    RESULTS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="unilab-mutants-") as folder:
        copy = Path(folder) / "project"
        _copy_project(copy)
        for name in options.packages or PACKAGES:
            _measure(name, copy, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description=__doc__)
    parser.add_argument("packages", nargs="*", choices=[*PACKAGES, []], help="default: all")
    parser.add_argument("--size", type=int, default=150, help="most mutants of each package (default: 150)")
    parser.add_argument("--minutes", type=float, default=10, help="time for each package (default: 10)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the sample (default: 1)")
    parser.add_argument("--survivors", action="store_true", help="only those that survived the run before")
    return parser.parse_args()


def _copy_project(copy: Path) -> None:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        source = PROJECT / name
        if source.is_file() or source.is_symlink():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy / name, follow_symlinks=False)


def _measure(name: str, copy: Path, options: argparse.Namespace) -> None:
    package, kept = PACKAGES[name], RESULTS / f"{name}.json"
    outcomes: dict[Mutant, bool] = {}
    if options.survivors:
        rows = json.loads(kept.read_text())
        outcomes = {Mutant(**row["mutant"]): True for row in rows if row["killed"]}
        wanted = [Mutant(**row["mutant"]) for row in rows if not row["killed"]]
    else:
        paths = [path for path in (copy / package.folder).rglob("*.py") if path.name != "__init__.py"]
        wanted = sample(paths, copy, options.size, options.seed)
    tests = TestFiles(package, copy)
    until_s = time.monotonic() + 60 * options.minutes
    for mutant in wanted:
        # The sample is in random order: those that were run until now are a random sample too.
        if time.monotonic() > until_s and not options.survivors:
            break
        outcomes[mutant] = _is_killed(mutant, tests, copy)
        if not outcomes[mutant]:
            diff = mutant.diff((copy / mutant.path).read_text())
            print(f"survived: {mutant.path}:{mutant.line}\n{diff}", flush=True)
        rows = [{"mutant": asdict(each), "killed": killed} for each, killed in outcomes.items()]
        kept.write_text(json.dumps(rows))
    killed = sum(outcomes.values())
    interval = binomtest(killed, len(outcomes)).proportion_ci(method="wilson")
    print(
        f"{name}: {killed} of {len(outcomes)} killed, {killed / len(outcomes):.1%} "
        f"(95 % interval {interval.low:.1%} to {interval.high:.1%}), seed {options.seed}",
        flush=True,
    )


def _is_killed(mutant: Mutant, tests: TestFiles, copy: Path) -> bool:
    path = copy / mutant.path
    source = path.read_text(encoding="utf-8")
    code = mutant.code(source)
    usable = list(_usable(tests, tests.of(mutant.path)))
    cpu_s = sum(tests.cpu_s(test) for test in usable)
    path.write_text(code, encoding="utf-8")
    try:
        run = run_tests(usable, copy, int(5 * cpu_s + 10), 40 * cpu_s + 60)
    finally:
        path.write_text(source, encoding="utf-8")
    return run.code != PASSED


def _usable(tests: TestFiles, found: tuple[str, ...]) -> Iterator[str]:
    """Those of ``found`` that are quick enough; the quickest where none is."""
    quick = [test for test in found if tests.cpu_s(test) <= FILE_MAX_CPU_S]
    yield from quick or [min(found, key=tests.cpu_s)]


if __name__ == "__main__":
    main()

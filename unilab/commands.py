"""The commands of ``unilab``: each takes the parsed options and returns an exit code."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from analysis import commands as analysis
from analysis.compare_campaigns import compare_campaigns
from contracts.campaign import read_records
from contracts.errors import InputError, validate
from contracts.store.folder import check_name, checked_campaign
from contracts.study import Study
from unilab import health
from unilab.attempt import attempt_study, outcome_lines
from unilab.invocation import Invocation, read_invocation, variables_of, write_invocation
from unilab.live import View, duration_text
from unilab.phases import read_phases
from unilab.planned import plan_lines, plan_of
from unilab.progress import Progress
from unilab.running import PROJECT, Run, inventory_path, new_folder, run_playbook
from unilab.standing import Standing, find_campaign, standing_of
from unilab.study_file import study_with, write_study

Command = Callable[[argparse.Namespace], int]

_ANSIBLE_FAILED = 4
_WATCH_S = 2.0


def plan(options: argparse.Namespace) -> int:
    """Print the size of a study."""
    _, study = study_with(_study_path(options.study), options.settings)
    found = plan_of(study, options.results)
    print(json.dumps(found.as_dict(), indent=2) if options.json else "\n".join(plan_lines(found)))
    return 0


def run(options: argparse.Namespace) -> int:
    """Run a study."""
    source = _study_path(options.study)
    content, study = study_with(source, options.settings)
    if options.campaign:
        check_name(options.campaign)
    invocation = _invocation(options)
    folder = new_folder()
    if options.settings:
        source = write_study(content, source, folder / f"{study.name}.yml")
    variables = {"study": str(source.resolve())} | (
        {"campaign": options.campaign} if options.campaign else {}
    )
    return _site(options, invocation, folder, variables)


def resume(options: argparse.Namespace) -> int:
    """Go on with a campaign by the study that its folder holds."""
    directory = find_campaign(options.results, options.campaign)
    campaign = checked_campaign(directory)
    invocation = _invocation(options, read_invocation(directory))
    folder = new_folder()
    content = campaign.study.model_dump(mode="json", exclude_defaults=True)
    study = write_study(content, directory / "campaign.json", folder / f"{campaign.study.name}.yml")
    options.results = directory.resolve().parent
    return _site(options, invocation, folder, {"study": str(study), "campaign": campaign.name})


def attempt(options: argparse.Namespace) -> int:
    """Boot a service once, and print what came of it."""
    content = attempt_study(options.service, options.arm, options.memory_mib)
    study = validate(Study, content, Path("unilab try"), "unilab try --help lists services and arms")
    invocation = _invocation(options)
    folder = new_folder()
    path = write_study(content, folder, folder / "try.yml")
    options.results = folder / "results"
    code = _site(options, invocation, folder, {"study": str(path), "campaign": "try"})
    directory = options.results / "try"
    records = read_records(directory) if directory.is_dir() else []
    print("\n".join(outcome_lines(directory, study, records)))
    return code or (0 if records and records[0].end.state == "completed" else 1)


def status(options: argparse.Namespace) -> int:
    """Print where a campaign stands."""
    directory = find_campaign(options.results, options.campaign)
    while True:
        found = standing_of(directory)
        print(json.dumps(found.as_dict(), indent=2) if options.json else "\n".join(_lines(found)), flush=True)
        if not options.watch or not (found.is_running and found.done < found.total):
            return 0
        time.sleep(_WATCH_S)
        if not options.json and Console().is_terminal:
            Console().clear()


def report(options: argparse.Namespace) -> int:
    """Write the page of a campaign."""
    return analysis.report(find_campaign(options.results, options.campaign), options.output)


def compare(options: argparse.Namespace) -> int:
    """Compare arms of one campaign, or two campaigns."""
    source = analysis.read(find_campaign(options.results, options.campaign))
    if not options.other:
        if options.limit is not None:
            raise InputError("--limit", "", "it needs a second campaign", "name two campaigns, or no --limit")
        return analysis.compare_arms(source, options.metric)
    other = analysis.read(find_campaign(options.results, options.other))
    code = compare_campaigns(source.evidence, other.evidence, options.metric, options.limit)
    return analysis.damage_code(source) or analysis.damage_code(other) or code


def doctor(options: argparse.Namespace) -> int:
    """Print what is wrong with the machines."""
    what = _run("playbooks/doctor.yml", _invocation(options), {})
    folder = new_folder()
    facts: dict[str, dict[str, Any] | None] = {}
    code = run_playbook(what, folder, lambda event: health.collect(facts, event))
    if not facts:
        print(f"no host was read, Ansible ended with exit code {code}. Log: {folder}")
        return _ANSIBLE_FAILED
    findings = health.findings(facts, options.results)
    if options.json:
        print(json.dumps([finding.as_dict() for finding in findings], indent=2))
    else:
        print("\n".join(map(str, findings)) or f"nothing is wrong with {', '.join(sorted(facts))}")
    return 1 if any(finding.is_serious for finding in findings) else 0


def clean(options: argparse.Namespace) -> int:
    """Stop the laboratory of this checkout."""
    kept = Invocation(inventories=["inventories/xapi_double"])
    what = _run("playbooks/local_lab.yml", _invocation(options, kept), {"local_lab_state": "stopped"})
    folder = new_folder()
    return _ended(run_playbook(what, folder, lambda event: None), folder)


def _site(
    options: argparse.Namespace, invocation: Invocation, folder: Path, variables: dict[str, str]
) -> int:
    progress = Progress(read_phases(PROJECT / "site.yml"))
    what = _run("site.yml", invocation, variables | {"results_dir": str(options.results.resolve())})
    with View(progress, folder) as view:

        def on_event(event: dict[str, Any]) -> None:
            is_new = progress.directory is None
            progress.on_event(event)
            if is_new and progress.directory:
                write_invocation(progress.directory, invocation)
            view.show()

        code = run_playbook(what, folder, on_event, lambda: progress.current_log)
    page = progress.directory / "report.html" if progress.directory else None
    if page and page.is_file():
        print(f"report: {page}")
    return _ended(code, folder)


def _ended(code: int, folder: Path) -> int:
    if code:
        print(f"Ansible failed with exit code {code}. Logs: {folder}. The same command goes on.")
    return _ANSIBLE_FAILED if code else 0


def _lines(found: Standing) -> list[str]:
    ends = "".join(f", {count} {state}" for state, count in found.ends.items())
    share = 100 * found.done / found.total if found.total else 100.0
    left = (
        "" if found.left_s is None or found.done == found.total else f", {duration_text(found.left_s)} left"
    )
    now = "running" if found.is_running else "finished" if found.done == found.total else "stopped"
    return [
        f"campaign {found.campaign}, study {found.study}: {found.title}",
        f"state    {now}{left}",
        f"trials   {found.done} of {found.total}, {share:.0f} %{ends}",
        *(f"last     {row}" for row in found.recent),
        *(f"waits    {row['arm']}: {row['why']}. Remedy: {row['remedy']}." for row in found.waiting),
        *(f"not run  {row['arm']}: {row['why']}. Remedy: {row['remedy']}." for row in found.not_run),
        f"folder   {found.directory}",
    ]


def _study_path(name: str) -> Path:
    """A path in the current folder, or else in the project."""
    return Path(name) if Path(name).exists() else PROJECT / name


def _invocation(options: argparse.Namespace, kept: Invocation | None = None) -> Invocation:
    """That of the command line; what it does not give is that of ``kept``. Raises InputError."""
    kept, vault = kept or Invocation(), options.vault_password_file
    names = options.inventory or kept.inventories or ["inventories/server"]
    return Invocation(
        inventories=[inventory_path(name) for name in names],
        variables=kept.variables | variables_of(options.extra_vars),
        vault_password_file=str(vault.resolve()) if vault else kept.vault_password_file,
    )


def _run(playbook: str, invocation: Invocation, variables: dict[str, str]) -> Run:
    vault = invocation.vault_password_file
    words = ["--vault-password-file", vault] if vault else []
    return Run(playbook, invocation.inventories, invocation.variables | variables, words)

"""Damaged input is named, the rest is still reported, the exit code says so, and no record is touched."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from campaigns import make_study, write_campaign

from analysis.__main__ import main

STUDY = make_study(services=["bubble_sort-go"], boots=2)
COMMANDS = ("check", "table", "compare", "claims", "report", "power", "status")


def first(folder: Path, name: str) -> Path:
    return sorted(folder.glob(f"trials/*/{name}"))[0]


def truncate_record(folder: Path) -> None:
    path = first(folder, "trial.json")
    path.write_text(path.read_text()[:400])


def lose_histogram(folder: Path) -> None:
    first(folder, "latency.hlog").unlink()


def spoil_histogram(folder: Path) -> None:
    path = first(folder, "latency.hlog")
    path.write_text(path.read_text() + "20.0,1.0,5.0,HISTnonsense\n")


def raise_schema_version(folder: Path) -> None:
    path = first(folder, "trial.json")
    path.write_text(re.sub(r'"schema_version":\d+', '"schema_version":9', path.read_text()))


def unknown_key(folder: Path) -> None:
    path = first(folder, "trial.json")
    path.write_text(path.read_text().replace('"position":', '"speed":1,"position":'))


def mix_campaigns(folder: Path) -> None:
    write_campaign(folder.parent / "other", make_study(services=["bubble_sort-go"], boots=1, seed=5))
    foreign = first(folder.parent / "other", "trial.json").parent
    foreign.rename(folder / "trials" / f"{foreign.name}-foreign")


def copy_trial(folder: Path) -> None:
    copy = folder / "trials" / "copy" / "trial.json"
    copy.parent.mkdir()
    copy.write_text(first(folder, "trial.json").read_text())


def turn_clock_back(folder: Path) -> None:
    path = first(folder, "trial.json")
    path.write_text(
        path.read_text().replace('"ended_at":"2026-01-05T09:01:40Z"', '"ended_at":"2026-01-05T08:01:40Z"')
    )


def turn_log_back(folder: Path) -> None:
    path = first(folder, "latency.hlog")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, lines[-2]]) + "\n")


def overlap(folder: Path) -> None:
    path = first(folder, "trial.json")
    path.write_text(
        path.read_text().replace('"ended_at":"2026-01-05T09:01:40Z"', '"ended_at":"2026-01-05T09:02:30Z"')
    )


DAMAGES: list[tuple[Callable[[Path], None], str, int]] = [
    (truncate_record, "trial.json: not JSON, perhaps cut off", 5),
    (lose_histogram, "latency.hlog: cannot read: No such file", 6),
    (spoil_histogram, "latency.hlog: not a histogram log", 6),
    (raise_schema_version, "key schema_version: version 9 of the record is unknown", 5),
    (unknown_key, "key speed: unknown key", 5),
    (mix_campaigns, "key campaign: it belongs to campaign other", 6),
    (copy_trial, "trial 0001 is there 2 times, so none of them counts", 5),
    (turn_clock_back, "trial 0001: the clock went backwards", 5),
    (turn_log_back, "latency.hlog: its clock goes backwards", 6),
    (overlap, "trial 0002 overlaps it", 4),
]


def hashes(folder: Path) -> dict[str, str]:
    """Of every file but those that a report is made of."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.relative_to(folder).parts[0].startswith("report")
    }


@pytest.mark.parametrize(
    ("spoil", "named", "counting"), DAMAGES, ids=lambda row: getattr(row, "__name__", "")
)
def test_damage_is_named_and_the_rest_is_used(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[Path], None],
    named: str,
    counting: int,
) -> None:
    folder = tmp_path / "c"
    write_campaign(folder, STUDY)
    spoil(folder)
    before = hashes(folder)
    assert main(["check", str(folder)]) == 3
    captured = capsys.readouterr()
    assert named in captured.err
    assert f", {counting} count\n" in captured.out
    assert main(["compare", str(folder), "--metric", "throughput"]) == 3
    assert capsys.readouterr().out.count("\n") == 4
    assert hashes(folder) == before


def test_the_report_shows_the_damage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "c"
    write_campaign(folder, STUDY)
    truncate_record(folder)
    (sorted(folder.glob("trials/*/latency.hlog"))[1]).unlink()
    assert main(["report", str(folder)]) == 3
    captured = capsys.readouterr()
    assert captured.out == f"{folder}/report.html\n"
    assert captured.err.count("Remedy: ") == 2
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "not JSON, perhaps cut off" in page
    assert "2 files could not be used" in page
    assert str(tmp_path) not in page


@pytest.mark.parametrize("which", [0, -1])
def test_a_spoilt_log_is_named_whichever_process_reads_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], which: int
) -> None:
    folder = tmp_path / "c"
    write_campaign(folder, STUDY)
    log = sorted(folder.glob("trials/*/latency.hlog"))[which]
    log.write_text("20.0,1.0,5.0,HISTnonsense\n")
    assert main(["check", str(folder)]) == 3
    named = capsys.readouterr().err
    assert named.startswith(f"{log}: not a histogram log")
    assert main(["report", str(folder)]) == 3
    assert capsys.readouterr().err == named


def test_no_command_touches_a_result(tmp_path: Path) -> None:
    """Derived files appear beside the records; everything that was there stays as it was, to the byte."""
    folder = tmp_path / "c"
    write_campaign(folder, STUDY)
    before = hashes(folder)
    for command in COMMANDS:
        assert main([command, str(folder)]) == 0
    assert hashes(folder) == before
    assert {path.name for path in folder.iterdir()} == {
        "campaign.json",
        "trials",
        "report.html",
        "report-figures",
    }


def gone(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))


def spoil_campaign(folder: Path) -> None:
    (folder / "campaign.json").write_text("{")


def change_plan(folder: Path) -> None:
    path = folder / "campaign.json"
    path.write_text(path.read_text().replace('"threads":1,', '"threads":3,'))


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (gone, "campaign.json"),
        (spoil_campaign, "not JSON"),
        (change_plan, "key trials.0.cell: the campaign's own study has no such cell"),
    ],
)
def test_without_a_campaign_nothing_is_written(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[Path], None],
    named: str,
    command: str,
) -> None:
    folder = tmp_path / "c"
    write_campaign(folder, STUDY, finished=0)
    spoil(folder)
    assert main([command, str(folder)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert named in captured.err
    assert "Remedy: " in captured.err
    assert list(tmp_path.rglob("*report*")) == []


def test_report_replaces_no_device(tmp_path: Path) -> None:
    folder = tmp_path / "campaign"
    write_campaign(folder, make_study(boots=2))
    os.mkfifo(tmp_path / "pipe")
    before = Path("/dev/null").stat().st_rdev
    for target in ("/dev/null", str(tmp_path / "pipe")):
        done = subprocess.run(
            [sys.executable, "-m", "analysis", "report", str(folder), "--output", target],
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )
        assert done.returncode == 2 and "not a regular file" in done.stderr and "Traceback" not in done.stderr
    assert Path("/dev/null").is_char_device() and Path("/dev/null").stat().st_rdev == before
    assert (tmp_path / "pipe").is_fifo() and not Path("/dev/null-figures").exists()

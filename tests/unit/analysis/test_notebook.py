"""A campaign in a notebook, in three lines, gives what the command line prints."""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl
import pytest
from campaigns import NO_LOADER, make_study, write_campaign

from analysis.__main__ import main
from analysis.notebook import Campaign
from contracts.errors import InputError


def test_three_lines_give_ratios(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_campaign(tmp_path / "c", make_study(services=["bubble_sort-go"]), not_run=(NO_LOADER,))
    campaign = Campaign(tmp_path / "c")
    ratios = campaign.ratios("throughput")
    assert ratios.height == 1
    assert main(["compare", str(tmp_path / "c"), "--metric", "throughput"]) == 0
    printed = pl.read_csv(io.StringIO(capsys.readouterr().out))
    assert printed["low"].to_list() == pytest.approx(ratios["low"].to_list())


def test_every_table_is_there(tmp_path: Path) -> None:
    write_campaign(tmp_path / "c", make_study(services=["bubble_sort-go"], boots=1))
    campaign = Campaign(str(tmp_path / "c"))
    assert campaign.trials.height == 3
    assert campaign.seconds.height == 39
    assert campaign.percentiles.height == 15
    assert set(campaign.findings["check"]) == {"boots"}
    assert campaign.claims()["claim"].n_unique() > 84
    assert campaign.ratios()["metric"].n_unique() > 5


def test_without_a_campaign_the_message_is_the_same(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        Campaign(tmp_path)

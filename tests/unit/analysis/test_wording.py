"""Numbers and findings in words."""

from __future__ import annotations

import math
from types import SimpleNamespace

import polars as pl
import pytest
from campaigns import make_study

from analysis import formatting
from analysis.estimates.comparisons import Comparison
from analysis.estimates.pairs import Pair
from analysis.estimates.ratio import RatioInterval
from analysis.page import wording
from analysis.page.labels import Labels
from analysis.records.cells import CellKey, CellTrials
from analysis.records.metrics import THROUGHPUT
from contracts.arms import known_arms


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (math.nan, "-"),
        (math.inf, "∞"),
        (0, "0"),
        (0.01234, "0.0123"),
        (1.0, "1.00"),
        (99.94, "99.9"),
        (1234.5, "1,234"),
        (-5.678, "-5.68"),
    ],
)
def test_number(value: float | None, text: str) -> None:
    assert formatting.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.394, "1.39"), (1.004, "1.004"), (0.9996, "0.9996"), (1.0, "1.00"), (0.012, "0.012"), (250.0, "250")],
)
def test_ratio_never_reads_one_unless_it_is(value: float, text: str) -> None:
    assert formatting.ratio(value) == text


@pytest.mark.parametrize(
    ("amount", "text"), [(0, "no trial"), (1, "1 trial"), (2, "2 trials"), (1200, "1,200 trials")]
)
def test_count(amount: int, text: str) -> None:
    assert formatting.count(amount, "trial") == text


def keys(**changes: object) -> list[CellKey]:
    return [CellKey(**cell.model_dump()) for cell in make_study(services=["todos-go"], **changes).cells()]


def comparison(found: RatioInterval) -> Comparison:
    base, other = keys(arms=["docker", "osv-qemu"])
    pair = Pair(CellTrials(other, pl.DataFrame()), CellTrials(base, pl.DataFrame()), "")
    return Comparison(pair, THROUGHPUT, found, 1.0)


MORE = RatioInterval(1.39, 1.31, 1.47, 4, 3, 3)
MANY = RatioInterval(2.43, 2.2, 2.7, 4, 3, 3)
FEWER = RatioInterval(0.724, 0.70, 0.75, 4, 3, 3)
SAME = RatioInterval(1.02, 0.93, 1.12, 4, 3, 3)
ONE_BOOT = RatioInterval(1.45, 0, math.inf, math.nan, 1, 3)
NO_SPREAD = RatioInterval(2, 0, math.inf, math.nan, 3, 3)


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (
            MORE,
            "osv-qemu answers 39 % more requests per second than docker "
            "(ratio 1.39, 95 % interval 1.31 to 1.47).",
        ),
        (
            MANY,
            "osv-qemu answers 2.4 times as many requests per second as docker "
            "(ratio 2.43, 95 % interval 2.20 to 2.70).",
        ),
        (
            FEWER,
            "osv-qemu answers 28 % fewer requests per second than docker "
            "(ratio 0.72, 95 % interval 0.70 to 0.75).",
        ),
        (
            SAME,
            "osv-qemu and docker cannot be told apart: the ratio seen is 1.02, but anything from 0.93 to "
            "1.12 fits (95 % interval).",
        ),
        (
            ONE_BOOT,
            "osv-qemu against docker: insufficient. The ratio seen is 1.45, but an interval needs 2 valid "
            "boots of each arm, here are 1 and 3.",
        ),
        (
            NO_SPREAD,
            "osv-qemu against docker: insufficient. The ratio seen is 2.00, but these boots give no finite "
            "interval.",
        ),
    ],
)
def test_finding(found: RatioInterval, sentence: str) -> None:
    assert wording.finding(comparison(found)) == sentence


@pytest.mark.parametrize(
    ("found", "word"),
    [(MORE, "higher"), (FEWER, "lower"), (SAME, "cannot be told apart"), (ONE_BOOT, "insufficient")],
)
def test_verdict(found: RatioInterval, word: str) -> None:
    assert wording.verdict(comparison(found)) == word


def test_sameness_is_said() -> None:
    close = comparison(RatioInterval(1.004, 0.99, 1.018, 4, 3, 3, 0.005))
    assert wording.verdict(close) == "the same within 3 %"
    assert wording.finding(close) == (
        "osv-qemu and docker are the same within 3 % (ratio 1.004, 95 % interval 0.99 to 1.02, "
        "two one-sided tests at 5 %)."
    )


def test_digest_counts_every_comparison_once() -> None:
    rows = [comparison(found) for found in (MORE, MANY, FEWER, SAME, ONE_BOOT)]
    assert wording.digest(rows) == [
        (
            "osv-qemu against docker",
            "more requests per second in 2 of 5 comparisons (ratios 1.39 to 2.43); "
            "fewer requests per second in 1 of 5 comparisons (ratio 0.72); "
            "cannot be told apart in 1 of 5 comparisons; too few boots in 1 of 5 comparisons.",
        )
    ]
    assert wording.outcome(rows) == (
        "Of 5 comparisons of throughput, 3 told the arms apart, 1 could not tell them apart, "
        "1 had too few boots."
    )
    assert wording.outcome([]) == "No two arms can be compared yet."


@pytest.mark.parametrize("name", known_arms())
def test_every_arm_is_explained(name: str) -> None:
    assert wording.arm(name)


def test_labels_say_only_what_differs() -> None:
    plain = keys()
    assert Labels(plain).arm(plain[0]) == "docker"
    assert Labels(plain).common(plain[0]) == "1 thread, 1 CPU, 256 MiB"
    varied = keys(threads=[1, 4])
    labels = Labels(varied)
    assert labels.arm(varied[1]) == "docker, 4 threads, 4 CPUs"
    assert labels.service(varied[1]) == "todos-go, 4 threads, 4 CPUs"
    assert labels.common(varied[1]) == "256 MiB"


@pytest.mark.parametrize(
    ("arm", "accelerator", "said"),
    [
        ("osv-xenserver", "tcg", "osv-xenserver: no Xen ran"),
        ("linux-xenserver-again", "kvm", "linux-xenserver-again: no Xen ran"),
        ("osv-xenserver", "xen", ""),
        ("osv-qemu", "tcg", ""),
    ],
)
def test_a_double_of_xenserver_is_called_one(arm: str, accelerator: str, said: str) -> None:
    instance = SimpleNamespace(accelerator=accelerator)
    record = SimpleNamespace(cell=SimpleNamespace(arm=arm), instance=instance)
    cautions = wording.cautions(SimpleNamespace(records=[record]))  # type: ignore[arg-type]
    assert len(cautions) == 1 + bool(said) and said in cautions[-1]

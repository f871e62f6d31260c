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
from analysis.verdicts.headline import Decision, Outcome
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
    return [CellKey.of(cell) for cell in make_study(services=["todos-go"], **changes).cells()]


def decision(found: RatioInterval, outcome: Outcome, **facts: object) -> Decision:
    base, other = keys(arms=["docker", "osv-qemu"])
    pair = Pair(CellTrials(other, pl.DataFrame()), CellTrials(base, pl.DataFrame()), "")
    return Decision(Comparison(pair, THROUGHPUT, found, 1.0), outcome, **facts)  # type: ignore[arg-type]


MORE = RatioInterval(1.39, 1.31, 1.47, 4, 3, 3, 0.02)
MANY = RatioInterval(2.43, 2.2, 2.7, 4, 3, 3, 0.04)
FEWER = RatioInterval(0.724, 0.70, 0.75, 4, 3, 3, 0.012)
NEAR = RatioInterval(1.02, 0.93, 1.12, 4, 3, 3, 0.03)
CLOSE = RatioInterval(1.004, 0.99, 1.018, 4, 3, 3, 0.005)
ONE_BOOT = RatioInterval(1.45, 0, math.inf, math.nan, 1, 3)
NO_SPREAD = RatioInterval(2, 0, math.inf, math.nan, 3, 3)

DECISIONS = [
    (
        decision(MORE, "different"),
        "Throughput: osv-qemu is 39 % higher than that of docker (ratio 1.39, 95 % interval 1.31 to 1.47).",
    ),
    (
        decision(MANY, "different"),
        "Throughput: osv-qemu is 2.4 times that of docker (ratio 2.43, 95 % interval 2.20 to 2.70).",
    ),
    (
        decision(FEWER, "different"),
        "Throughput: osv-qemu is 28 % lower than that of docker (ratio 0.72, 95 % interval 0.70 to 0.75).",
    ),
    (
        decision(CLOSE, "same", margin=0.0148),
        "Throughput: osv-qemu and docker are the same within 1.5 % "
        "(ratio 1.004, 95 % interval 0.99 to 1.02).",
    ),
    (
        decision(NEAR, "undecided", boots=24),
        "Throughput: osv-qemu / docker is undecided (ratio 1.02, 95 % interval 0.93 to 1.12). "
        "About 24 boots of each arm would decide it.",
    ),
    (
        decision(NEAR, "undecided", why="docker: the measured window is too short to judge"),
        "Throughput: osv-qemu / docker is undecided (ratio 1.02, 95 % interval 0.93 to 1.12). "
        "It takes a longer or steadier window, not more boots: "
        "docker: the measured window is too short to judge.",
    ),
    (
        decision(NEAR, "undecided", boots=2, why="docker: still rising"),
        "Throughput: osv-qemu / docker is undecided (ratio 1.02, 95 % interval 0.93 to 1.12). "
        "It takes a longer or steadier window, not more boots: docker: still rising.",
    ),
    (
        decision(NEAR, "undecided", boots=24, why="docker: still rising"),
        "Throughput: osv-qemu / docker is undecided (ratio 1.02, 95 % interval 0.93 to 1.12). "
        "About 24 boots of each arm would decide it. Beside that: docker: still rising.",
    ),
    (
        decision(ONE_BOOT, "undecided"),
        "Throughput: osv-qemu / docker is undecided (ratio 1.45, 95 % interval insufficient). "
        "An interval needs 2 valid boots of each arm, here are 1 and 3.",
    ),
    (
        decision(NO_SPREAD, "undecided"),
        "Throughput: osv-qemu / docker is undecided (ratio 2.00, 95 % interval insufficient). "
        "These boots give no finite interval.",
    ),
    (
        decision(NEAR, "still running"),
        "Throughput: osv-qemu / docker, so far: ratio 1.02, 95 % interval 0.93 to 1.12. "
        "Nothing is decided before the campaign ends.",
    ),
]


@pytest.mark.parametrize(("row", "sentence"), DECISIONS)
def test_one_sentence_for_one_comparison(row: Decision, sentence: str) -> None:
    assert wording.sentence(row) == sentence


@pytest.mark.parametrize(
    ("found", "word"),
    [
        (MORE, "higher"),
        (FEWER, "lower"),
        (NEAR, "undecided"),
        (ONE_BOOT, "undecided"),
        (CLOSE, "the same within 3 %"),
    ],
)
def test_words_of_exploratory_tables(found: RatioInterval, word: str) -> None:
    assert wording.verdict(found) == word
    assert wording.verdict(found, running=True) in ("-", "undecided")


def test_digest_counts_every_decision_once() -> None:
    rows = [row for row, _ in DECISIONS]
    assert wording.digest(rows) == [
        (
            "Throughput, osv-qemu against docker",
            "of 11 comparisons: higher in 2 (ratios 1.39 to 2.43); lower in 1 (ratio 0.72); same in 1; "
            "undecided in 6; still running in 1.",
        )
    ]
    assert wording.outcome(rows) == (
        "Of 11 primary comparisons: 3 different, 1 same, 6 undecided, 1 still running."
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
    instance = SimpleNamespace(
        accelerator=accelerator, host="host", host_processor=None, is_emulated=accelerator == "tcg"
    )
    record = SimpleNamespace(cell=SimpleNamespace(arm=arm), instance=instance, provenance={})
    cautions = wording.cautions(SimpleNamespace(records=[record]))  # type: ignore[arg-type]
    assert bool(said) == any("no Xen ran" in row for row in cautions) and said in cautions[-1]

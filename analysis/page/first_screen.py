"""The first screen: what came out, in two sentences, one table, and what is still open."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from itertools import groupby

from analysis.estimates.ratio import EQUIVALENCE_MARGIN
from analysis.formatting import NOTHING, interval, number, ratio
from analysis.page.labels import Labels
from analysis.page.wording import remedy_in_boots
from analysis.records.metrics import FIRST_ANSWER, IMAGE_SIZE, RESPONSES, THROUGHPUT, WORK, Metric
from analysis.verdicts.answers import Answer, AnswerRow
from analysis.verdicts.headline import boots_that_decide

_SHORT = {
    WORK.key: ("Work", "thousand instructions per request"),
    THROUGHPUT.key: ("Throughput", "requests/s"),
    RESPONSES["p99"].key: ("p99", "ms"),
    FIRST_ANSWER.key: ("Boot", "s to first answer"),
    IMAGE_SIZE.key: ("Image", "MiB"),
    "memory_instance_idle": ("Memory", "MiB, idle"),
    "memory_instance_loaded": ("Memory", "MiB, under load"),
}
_WORDS = {"undecided": "undecided", "still running": "so far", "not compared": "not compared"}


@dataclass(frozen=True)
class Heading:
    """A column of the table; ``emulated``: its values are times of an emulated processor."""

    title: str
    unit: str
    emulated: bool


@dataclass(frozen=True)
class AnswerCell:
    """One quantity of one arm as text; ``tone``: good, bad, same, or "" where nothing is decided."""

    value: str
    limits: str
    mean: str
    word: str
    tone: str
    sort_by: float | None


@dataclass(frozen=True)
class ArmLine:
    """A row of the table; ``why_not``: why it has no ratios, or ""."""

    arm: str
    control: bool
    boots: int
    cells: Sequence[AnswerCell]
    why_not: str


@dataclass(frozen=True)
class ServiceLines:
    """The arms of one service and setting, and which of them needs least work."""

    service: str
    least: str
    arms: Sequence[ArmLine]


def headings(rows: Sequence[AnswerRow], *, emulated: bool) -> list[Heading]:
    """The columns of the table."""
    metrics = [answer.metric for answer in rows[0].answers] if rows else []
    return [Heading(*short(metric), emulated and metric.of_time) for metric in metrics]


def short(metric: Metric) -> tuple[str, str]:
    """A short title and the unit."""
    return _SHORT.get(metric.key, (metric.title, metric.unit))


def service_lines(
    rows: Sequence[AnswerRow], different: Container[frozenset[str]], labels: Labels, *, emulated: bool
) -> list[ServiceLines]:
    """The table's body, one part per service and setting; ``different``: see ``least_work``."""
    found = []
    for service, members in groupby(rows, key=lambda row: labels.service(row.cell.cell)):
        arms = list(members)
        lines = [
            ArmLine(
                row.cell.cell.arm,
                row.is_control,
                len(row.cell.trials),
                [_cell(answer, emulated=emulated) for answer in row.answers],
                row.why_not,
            )
            for row in arms
        ]
        found.append(ServiceLines(service, least_work(arms, different), lines))
    return found


def least_work(rows: Sequence[AnswerRow], different: Container[frozenset[str]]) -> str:
    """Which arm executes the fewest instructions per request, where its ratios to all others decide that.

    Args:
        rows: the arms of one service.
        different: pairs of cells, by their slugs, whose instructions per request are shown to differ.
    """
    counted = [(answer.mean, row, answer) for row in rows if (answer := row.of(WORK)) and answer.mean]
    if len(counted) < 2:
        return ""
    value, row, answer = min(counted, key=lambda found: found[0] or 0.0)
    name, amount = row.cell.cell.arm, f"{number(value)} thousand instructions per request"
    rivals = [peer for _, peer, _ in counted if peer is not row]
    equals = [
        peer for peer in rivals if frozenset((peer.cell.cell.slug, row.cell.cell.slug)) not in different
    ]
    decided = all(other.outcome != "still running" for _, _, other in counted)
    if equals or not decided:
        names = " and ".join(peer.cell.cell.arm for peer in equals) or "the others"
        return f"least work seen: {name}, {amount}; not decided against {names}"
    if answer.comparison is None:
        ratios = [
            (other.comparison.interval.ratio, peer.cell.cell.arm)
            for _, peer, other in counted
            if other.comparison
        ]
        if not ratios:
            return f"least work: {name}, {amount}"
        least, following = min(ratios)
        return f"least work: {name}, {amount}, {number((1 - 1 / least) * 100, 2)} % fewer than {following}"
    fewer = number((1 - answer.comparison.interval.ratio) * 100, 2)
    return f"least work: {name}, {amount}, {fewer} % fewer than {answer.comparison.pair.base.cell.arm}"


def open_questions(
    rows: Sequence[AnswerRow], primary: Container[tuple[str, str]], labels: Labels
) -> list[str]:
    """Each undecided ratio of the table, and what it would take.

    ``primary``: metric and other cell of those that are stated elsewhere.
    """
    found = []
    for row in rows:
        for answer in row.answers:
            if answer.outcome != "undecided" or answer.comparison is None:
                continue
            if (answer.metric.key, row.cell.cell.slug) in primary:
                continue
            seen = answer.comparison.interval
            boots = boots_that_decide(seen, EQUIVALENCE_MARGIN)
            title = short(answer.metric)[0]
            found.append(
                f"{labels.service(row.cell.cell)}, {row.cell.cell.arm}: {title.lower()} "
                f"{ratio(seen.ratio)} ({interval(seen)}). {remedy_in_boots(seen, boots)}"
            )
    return found


def _cell(answer: Answer, *, emulated: bool) -> AnswerCell:
    mean = NOTHING if answer.mean is None else number(answer.mean)
    unit = short(answer.metric)[1].split(",")[0].split(" ")[0]
    with_unit = mean if answer.mean is None else f"{mean} {unit}"
    if answer.comparison is None:
        word = _WORDS.get(answer.outcome, "") if answer.mean is not None else ""
        return AnswerCell(with_unit, "", "", word, "", answer.mean)
    found = answer.comparison.interval
    limits = "same in every boot" if answer.outcome == "exact" else interval(found)
    tone = "" if emulated and answer.metric.of_time else _tone(answer)
    return AnswerCell(ratio(found.ratio), limits, with_unit, _word(answer), tone, found.ratio)


def _word(answer: Answer) -> str:
    if answer.comparison is None or not answer.decided:
        return _WORDS.get(answer.outcome, "")
    if answer.equal:
        return "the same"
    return "more" if answer.comparison.interval.ratio > 1 else "less"


def _tone(answer: Answer) -> str:
    if not answer.decided:
        return ""
    return {True: "good", False: "bad", None: "same"}[answer.better]

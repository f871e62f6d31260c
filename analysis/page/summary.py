"""The answer in two sentences that can be quoted: work or throughput, then memory, boot and image."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.formatting import number
from analysis.page.labels import Labels
from analysis.records.metrics import FIRST_ANSWER, IMAGE_SIZE, THROUGHPUT, WORK, Metric
from analysis.verdicts.answers import Answer, AnswerRow

_NAMES = {
    "docker": "container",
    "linux": "Linux guest",
    "osv": "unikernel",
    "prebuilt": "unikernel",
    "native": "process without a container",
}
UNIKERNELS = ("osv", "prebuilt")
_Answers = list[tuple[str, Answer]]


def summary(rows: Sequence[AnswerRow], labels: Labels, *, emulated: bool) -> list[str]:
    """At most two sentences about one arm against the control: a unikernel where one was measured.

    Args:
        rows: of the first screen's table.
        labels: names of services.
        emulated: whether times are those of an emulated processor.
    """
    control = next((row for row in rows if row.is_control), None)
    subject = _subject(rows)
    if control is None or subject is None:
        return []
    about = [row for row in rows if row.cell.cell.arm == subject.cell.cell.arm and not row.is_control]
    running = any(answer.outcome == "still running" for row in about for answer in row.answers)
    compared = f"ompared with {named(control)}, {named(subject)}"
    start = f"So far, c{compared}" if running else f"C{compared}"
    work = _amounts(_answers(about, WORK, labels), "executes", "instructions per request")
    rate = "requests per second" + (" on this emulated processor" if emulated else "")
    first = work or _amounts(_answers(about, THROUGHPUT, labels), "answers", rate)
    second = _costs(about, labels, emulated=emulated)
    found = [f"{start} {first}."] if first else []
    return [*found, f"{'It' if found else start} {second}."] if second else found


def named(row: AnswerRow) -> str:
    """An arm as people call it, with the name that the page uses."""
    return f"the {_NAMES.get(row.cell.runtime, 'arm')} ({row.cell.cell.arm})"


def _subject(rows: Sequence[AnswerRow]) -> AnswerRow | None:
    """The first unikernel; without one the first other arm that is compared."""
    others = [row for row in rows if not row.is_control and not row.why_not]
    unikernels = [row for row in others if row.cell.runtime in UNIKERNELS]
    return next(iter([*unikernels, *others]), None)


def _answers(rows: Sequence[AnswerRow], metric: Metric | None, labels: Labels) -> _Answers:
    return [
        (labels.service(row.cell.cell), answer)
        for row in rows
        if metric and (answer := row.of(metric)) and answer.comparison is not None
    ]


def _amounts(found: _Answers, verb: str, noun: str) -> str:
    """``executes 24 % fewer instructions per request for todos-go and as many for todos-python``."""
    known = [(service, answer) for service, answer in found if answer.outcome != "undecided"]
    undecided = [service for service, answer in found if answer.outcome == "undecided"]
    if not known:
        return f"{verb} more or fewer {noun}: undecided for {_listed(undecided)}" if undecided else ""
    services: dict[str, list[str]] = {}
    for service, answer in known:
        services.setdefault(_change(answer), []).append(service)
    first, *others = [f"{change}{{}} for {_listed(names)}" for change, names in services.items()]
    parts = [first.format(f" {noun}"), *(part.format("") for part in others)]
    rest = f"; for {_listed(undecided)} it is undecided" if undecided else ""
    return f"{verb} {', '.join(parts)}{rest}"


def _change(answer: Answer) -> str:
    value = _value(answer)
    if answer.outcome == "same":
        return "as many"
    if value >= 2:
        return f"{number(value, 2)} times as many"
    return f"{number(abs(value - 1) * 100, 2)} % {'more' if value > 1 else 'fewer'}"


def _costs(rows: Sequence[AnswerRow], labels: Labels, *, emulated: bool) -> str:
    memory = next((row.metric for row in rows[0].answers if row.metric.key.startswith("memory_")), None)
    boot = "{} the time to its first right answer" + (" (emulated time)" if emulated else "")
    wanted = (
        (memory, "occupies {} the memory"),
        (IMAGE_SIZE, "has an image of {} the size"),
        (FIRST_ANSWER, f"takes {boot}"),
    )
    found = [(_range(_answers(rows, metric, labels)), text) for metric, text in wanted]
    return _listed([text.format(amount) for amount, text in found if amount])


def _range(found: _Answers) -> str:
    """What ``_multiple`` makes of all services; how many of them are undecided."""
    if not found:
        return ""
    known = sorted(_value(answer) for _, answer in found if answer.outcome != "undecided")
    if not known:
        return "an undecided multiple of"
    amount = _multiple(known[0], known[-1])
    undecided = len(found) - len(known)
    return f"{amount} ({undecided} of {len(found)} undecided)" if undecided else amount


def _multiple(low: float, high: float) -> str:
    """``2.3 to 2.5 times``, or ``40 to 45 % of`` where both are less than 1."""
    ends = [number(100 * value if high < 1 else value, 2) for value in (low, high)]
    return f"{' to '.join(dict.fromkeys(ends))} {'% of' if high < 1 else 'times'}"


def _value(answer: Answer) -> float:
    return answer.comparison.interval.ratio if answer.comparison else 1.0


def _listed(parts: Sequence[str]) -> str:
    return " and ".join([*([", ".join(parts[:-1])] if parts[:-1] else []), *parts[-1:]])

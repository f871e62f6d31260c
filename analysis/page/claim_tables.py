"""Claims and break-evens as tables."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import polars as pl

from analysis import reference
from analysis.estimates.break_even import BreakEven
from analysis.estimates.memory_break_even import BreakEvenRow, hosts_in_use_mib
from analysis.estimates.pairs import Pair
from analysis.formatting import NOTHING, count, number, ratio
from analysis.page.labels import Labels
from analysis.page.tables import Column, Table
from analysis.records.metrics import memory_name
from analysis.verdicts.claims import MAINTAINER, NOT_MEASURED, Claim
from analysis.verdicts.conditions import compare_condition, platform_label
from analysis.verdicts.judge import ClaimVerdict, Verdict
from analysis.verdicts.measures import Result

_ORDER: tuple[Verdict, ...] = ("reproduced", "contradicted", "inconclusive", "not measured")


def verdict_counts(verdicts: Sequence[ClaimVerdict], *, running: bool = False) -> str:
    """How the claims that this laboratory can answer ended, and what the others are, in two sentences.

    ``running``: boots are still to come, so none has ended.
    """
    answerable = [row for row in verdicts if row.claim.answerable]
    if running:
        return f"None of {count(len(answerable), 'claim')} is judged yet, for boots are still to come."
    found = Counter(row.verdict for row in answerable)
    parts = [f"{found[name]} {name}" for name in _ORDER if found[name]]
    first = f"Of {count(len(answerable), 'claim')} that this laboratory can answer: {', '.join(parts)}."
    rest = Counter(_kind(row.claim) for row in verdicts if not row.claim.answerable)
    others = [f"{amount} {kind}" for kind, amount in rest.items()]
    return f"{first} Not among them: {', '.join(others)}." if others else first


def claims_table(
    ours: Sequence[ClaimVerdict], others: Sequence[Sequence[ClaimVerdict]], *, running: bool = False
) -> Table:
    """Claims with a measure, each with our verdict and that of other evidence beside it.

    Those that this campaign answers come first, then those that this laboratory can answer.

    Args:
        ours: verdicts of this campaign.
        others: verdicts of each other source, in the same order of claims.
        running: boots are still to come, so no verdict of ours is given.
    """
    counted = any(row.counted for row in ours)
    columns = [Column("claim"), Column("what is claimed", "prose"), Column("held within", "prose")]
    columns += [Column("this campaign"), Column("seen, 95 % interval", "prose")]
    columns += [Column("instructions per request, ratio", "prose")] if counted else []
    columns += [Column(_short(rows[0].source), "prose") for rows in others if rows]
    table = []
    for place, row in sorted(enumerate(ours), key=lambda numbered: _rank(numbered[1])):
        if row.claim.measure not in NOT_MEASURED and not row.claim.same_as:
            verdict = "still running" if running and row.verdict != "not measured" else row.verdict
            cells = [row.claim.id, row.claim.text, _tolerance(row.claim), verdict, _seen(row)]
            cells += [_results(row.counted) or NOTHING] if counted else []
            table.append([*cells, *(_beside(rows[place]) for rows in others if rows)])
    return Table(columns, table)


def unanswered_table(verdicts: Sequence[ClaimVerdict]) -> Table:
    """Claims without a measure, and those that repeat another one."""
    columns = [Column("claim"), Column("what is claimed", "prose"), Column("why it has no verdict", "prose")]
    rows = [
        [row.claim.id, row.claim.text, _why_no_verdict(row)]
        for row in verdicts
        if row.claim.same_as or row.claim.measure in ("absolute", "none")
    ]
    return Table(columns, rows)


def conditions_table(verdicts: Sequence[ClaimVerdict], trials: pl.DataFrame) -> Table:
    """The study's conditions beside those of the campaign; ``trials``: those that count."""
    columns = [
        Column("claim"),
        Column("condition of the study", "prose"),
        Column("here"),
        Column("ours", "prose"),
    ]
    rows = []
    for row in verdicts:
        if row.claim.measure == "setup":
            found = compare_condition(row.claim, trials)
            rows.append([row.claim.id, row.claim.text, found.comparison, found.ours or NOTHING])
    return Table(columns, rows)


def outside_tolerance(verdicts: Sequence[ClaimVerdict]) -> list[str]:
    """Each claim that this evidence contradicts, or whose results elsewhere are outside its tolerance."""
    sentences = []
    for row in verdicts:
        outside = [
            result
            for result in (*row.results, *row.elsewhere)
            if result.outer_ends[0] > row.claim.high or result.outer_ends[1] < row.claim.low
        ]
        if outside and not row.claim.same_as:
            sentences.append(f"{row.claim.id}, {row.claim.text}: {_results(outside)}")
    return sentences


def inconsistencies_table() -> Table:
    """What contradicts what inside the study, as data."""
    found = reference.read("paper_inconsistencies")
    columns = [Column("finding"), Column("claims", "prose"), Column("what is wrong", "prose")]
    rows = found.select("id", "claims", "finding").fill_null("").rows()
    return Table([*columns], [list(row) for row in rows])


def break_even_table(rows: Sequence[BreakEvenRow], labels: Labels) -> Table:
    """K* and its interval, per GiB of OS - HV."""
    columns = [Column("service"), Column("guest / container"), Column("memory of the guest")]
    columns += [Column("per"), Column("unikernels per container", "number")]
    columns += [Column("break-even per GiB", "number"), Column("95 % interval", "number")]
    columns += [Column("so unikernels need less", "prose"), Column("break-even on these hosts", "number")]
    return Table(
        columns,
        [
            [
                labels.service(row.pair.base.cell),
                f"{row.pair.other.cell.arm} / {row.pair.base.cell.arm}",
                f"{memory_name(row.kind)}, {row.when}",
                row.per,
                str(row.unikernels or "as needed"),
                number(row.found.value),
                _interval(row.found),
                _meaning(row.found),
                f"{number(row.here.value)} ({_interval(row.here)})" if row.here else "not recorded",
            ]
            for row in rows
        ],
    )


def hosts_in_words(pairs: Sequence[Pair]) -> str:
    """What HV and OS were, or that the records do not state them."""
    known = {}
    for pair in pairs:
        memory = hosts_in_use_mib(pair)
        if memory:
            names = (pair.base.trials["host"][0], pair.other.trials["host"][0])
            known[names] = [f"{number(sum(values) / len(values))} MiB" for values in memory]
    stated = [
        f"OS was {containers} ({names[0]}) and HV {guests} ({names[1]}), in use before the first instance ran"
        for names, (containers, guests) in known.items()
    ]
    if stated:
        return f"{'; '.join(stated)}."
    return "OS and HV, the memory of the two hosts themselves, are not recorded for two hosts of their own."


def _interval(found: BreakEven) -> str:
    if found.insufficient or math.isnan(found.low):
        return "insufficient" if found.insufficient else "-"
    return f"{number(found.low)} to {number(found.high)}"


def _meaning(found: BreakEven) -> str:
    if found.insufficient:
        return "too few boots"
    if found.always == 1:
        return "at every number"
    if found.reversed == 1:
        return "beyond a number only"
    uncertain = [
        f"{share:.0%} chance of {what}".replace("%", " %")
        for share, what in ((found.always, "always"), (found.reversed, "beyond a number only"))
        if share
    ]
    return "; ".join(["below the break-even", *uncertain])


def _rank(row: ClaimVerdict) -> tuple[bool, bool]:
    return row.verdict == "not measured", not row.claim.answerable


def _short(source: str) -> str:
    return source.replace(MAINTAINER, "maintainer")


def _tolerance(claim: Claim) -> str:
    if math.isnan(claim.low):
        return "-"
    if math.isinf(claim.high):
        return f"at least {number(claim.low)}"
    if math.isinf(claim.low):
        return f"at most {number(claim.high)}"
    return f"{ratio(claim.low)} to {ratio(claim.high)} ({claim.tolerance})"


def _kind(claim: Claim) -> str:
    """What a claim is that this laboratory does not answer."""
    if claim.same_as:
        return "that repeat another claim"
    if claim.measure in NOT_MEASURED:
        return {"setup": "conditions", "absolute": "absolute values"}.get(claim.measure, "of other means")
    return f"on {platform_label(claim.conditions.platform or '')}"


def _why_no_verdict(row: ClaimVerdict) -> str:
    if row.claim.same_as:
        note = f": {row.claim.note}" if row.claim.note else ""
        return f"the same as {row.claim.same_as}{note}"
    return row.why


def _seen(row: ClaimVerdict) -> str:
    parts = [_results(row.results), row.why]
    if row.elsewhere:
        parts.append(f"elsewhere: {_results(row.elsewhere)}")
    return "; ".join(part for part in parts if part)


def _beside(row: ClaimVerdict) -> str:
    if row.verdict == "not measured" and not row.elsewhere:
        return row.verdict
    return f"{row.verdict}: {_seen(row)}"


def _results(results: Sequence[Result]) -> str:
    return "; ".join(_result(row) for row in results)


def _result(row: Result) -> str:
    limits = "insufficient" if row.insufficient else f"{_figure(row.low)} to {_figure(row.high)}"
    elsewhere = f", {row.elsewhere}" if row.elsewhere else ""
    return f"{row.of}{elsewhere} {_figure(row.value)} ({limits})"


def _figure(value: float) -> str:
    return number(value) if value <= 0 else ratio(value)

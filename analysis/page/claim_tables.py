"""Claims and break-evens as tables."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from analysis import reference
from analysis.estimates.break_even import BreakEven
from analysis.estimates.memory_break_even import BreakEvenRow, hosts_in_use_mib
from analysis.estimates.pairs import Pair
from analysis.formatting import count, number, ratio
from analysis.page.labels import Labels
from analysis.page.tables import Column, Table
from analysis.verdicts.claims import MAINTAINER, Claim
from analysis.verdicts.judge import Answer, Result, Verdict

_CONDITIONS = ("setup", "absolute", "none")
_ORDER: tuple[Verdict, ...] = ("reproduced", "contradicted", "inconclusive", "not measured")


def verdict_counts(answers: Sequence[Answer]) -> str:
    """How many claims ended how, in a sentence."""
    found = Counter(row.verdict for row in answers)
    parts = [f"{found[verdict]} {verdict}" for verdict in _ORDER if found[verdict]]
    return f"Of {count(len(answers), 'claim')}: {', '.join(parts)}."


def claims_table(ours: Sequence[Answer], others: Sequence[Sequence[Answer]], *, measured: bool) -> Table:
    """Claims with our verdict, and with those of other evidence beside it.

    Args:
        ours: answers of this campaign.
        others: answers of each other source, in the same order of claims.
        measured: results that some evidence could answer; else conditions and what no arm can measure.
    """
    columns = [Column("claim"), Column("what is claimed", "prose"), Column("held within", "prose")]
    columns += [Column("this campaign"), Column("seen, 95 % interval", "prose")]
    columns += [Column(_short(rows[0].source), "prose") for rows in others if rows]
    table = []
    for place, row in enumerate(ours):
        if (row.claim.measure not in _CONDITIONS) == measured:
            beside = [_beside(rows[place]) for rows in others if rows]
            table.append(
                [row.claim.id, row.claim.text, _tolerance(row.claim), row.verdict, _seen(row), *beside]
            )
    return Table(columns, table)


def contradicted_by(answers: Sequence[Answer]) -> list[str]:
    """Each claim that this evidence contradicts, in a sentence."""
    return [
        f"{row.claim.id}, {row.claim.text}: {_results(row.results)}"
        for row in answers
        if row.verdict == "contradicted"
    ]


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
                f"{row.kind}, {row.when}",
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
    """What HV and OS were, or that the records do not say."""
    known = {}
    for pair in pairs:
        memory = hosts_in_use_mib(pair)
        if memory:
            names = (pair.base.trials["host"][0], pair.other.trials["host"][0])
            known[names] = [f"{number(sum(values) / len(values))} MiB" for values in memory]
    said = [
        f"OS was {containers} ({names[0]}) and HV {guests} ({names[1]}), in use before the first instance ran"
        for names, (containers, guests) in known.items()
    ]
    if said:
        return f"{'; '.join(said)}."
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


def _seen(row: Answer) -> str:
    return "; ".join(part for part in (_results(row.results), row.why) if part)


def _beside(row: Answer) -> str:
    if row.verdict == "not measured":
        return row.verdict
    return f"{row.verdict}: {_seen(row)}"


def _results(results: Sequence[Result]) -> str:
    return "; ".join(_result(row) for row in results)


def _result(row: Result) -> str:
    limits = "insufficient" if row.insufficient else f"{_figure(row.low)} to {_figure(row.high)}"
    return f"{row.of} {_figure(row.value)} ({limits})"


def _figure(value: float) -> str:
    return number(value) if value <= 0 else ratio(value)

"""Claims of others: what was said, how it is measured here, and within which tolerance it holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal, cast

import numpy as np
import polars as pl

from analysis import reference
from analysis.checks.evidence import Evidence

Measure = Literal["ratio", "scaling", "extra", "value", "crashes", "absolute", "setup", "none"]
STUDY = "the study"
MAINTAINER = "OSv's maintainer"
# His tables give medians of three runs; a repetition on another machine that lies as near is the same result.
_TOLERANCE_OF_REPETITION = 0.05
_ANY = frozenset({"any", "NA"})
_WORKLOADS = {"rest": "todos", "sort": "bubble_sort"}


@dataclass(frozen=True)
class Claim:
    """One quantitative claim.

    Attributes:
        id, said_by, place: which claim, whose, and where it stands.
        text: what is claimed, in a phrase, with its value and unit.
        measure: how evidence answers it. ``ratio`` of runtime to base; ``scaling`` of threads to
            threads_base; ``extra``, runtime less base; ``value`` of the runtime itself; ``crashes`` per
            million requests. The others are not measured, and ``note`` says why.
        metric: key of analysis.metrics, or ``memory``.
        workload, languages, threads: of the cells that it is about; empty or None for any.
        runtime, base: runtimes of contracts.arms.
        low, high: the tolerance: a result in between is the claimed one. ``tolerance`` says why these.
    """

    id: str
    said_by: str
    place: str
    text: str
    measure: Measure
    metric: str
    workload: str
    languages: frozenset[str]
    threads: int | None
    threads_base: int | None
    runtime: str
    base: str
    low: float
    high: float
    tolerance: str
    note: str
    value: float | None = None


def study_claims() -> list[Claim]:
    """Every quantitative claim of the study, in its order."""
    return [_study_claim(row) for row in reference.read("paper_claims").iter_rows(named=True)]


def repetition_claims(repetition: list[Evidence]) -> list[Claim]:
    """The maintainer's ratios of medians, unikernel to container and more CPUs to one, from his own runs."""
    return [claim for evidence in repetition for claim in _repetition_claims(evidence)]


def study_value(claim_id: str) -> float:
    """The number that the study gives, in the claim's own unit; a bound or an "about" as that number."""
    text = reference.read("paper_claims").filter(pl.col("id") == claim_id)["value"].item()
    value = _number(text)
    if value is None:
        raise ValueError(f"claim {claim_id} gives no number but {text}")
    return value


@cache
def study_array_length() -> int:
    """How many numbers the study sorts."""
    return int(study_value("C033"))


def _study_claim(row: dict[str, str | None]) -> Claim:
    text = {name: value or "" for name, value in row.items()}
    threads, threads_base = text["threads"], text["threads_base"]
    return Claim(
        id=text["id"],
        said_by=STUDY,
        place=text["quote_locator"],
        text=_phrase(text),
        measure=cast(Measure, text["measure"]),
        metric=text["metric"],
        workload=_WORKLOADS.get(text["workload"], ""),
        languages=frozenset(text["language"].split(";")) - _ANY,
        threads=int(threads) if threads not in _ANY else None,
        threads_base=int(threads_base) if threads_base else None,
        runtime=text["arm"],
        base=text["arm_base"],
        low=float(text["low"] or "nan"),
        high=float(text["high"] or "nan"),
        tolerance=text["tolerance"],
        note=text["note"],
        value=_number(text["value"]),
    )


def _phrase(text: dict[str, str]) -> str:
    about = [part for part in (text["workload"], text["language"], text["runtime"]) if part not in _ANY]
    count = text["threads"]
    threads = [] if count in _ANY else [f"{count} thread{'s' * (count != '1')}"]
    name = text["claim"].replace("_", " ")
    unit = "" if text["unit"] in ("ratio", "version", "model", "date", "formula") else f" {text['unit']}"
    of = f" ({text['comparison']})" if "/" in text["comparison"] or "-" in text["comparison"] else ""
    return f"{name}, {', '.join([*about, *threads]) or 'any'}: {text['value']}{unit}{of}"


def _number(text: str) -> float | None:
    try:
        return float(text.lstrip("~><"))
    except ValueError:
        return None


def _repetition_claims(evidence: Evidence) -> Iterator[Claim]:
    medians = {
        (cell.cell.service, cell.cell.arm, cell.cell.threads): float(
            np.median(cell.trials["throughput_per_s"])
        )
        for cell in evidence.cells
        if len(cell.trials)
    }
    client = evidence.source.rpartition(" ")[2]
    for (service, arm, cpus), median in medians.items():
        workload, _, language = service.partition("-")
        said = f"throughput, rest, {language}"
        place = f"{client}-{language}-{cpus}"
        base, one = medians.get((service, "docker", cpus)), medians.get((service, arm, 1))
        if arm == "osv-qemu" and base:
            value = median / base
            text = f"{said}, {cpus} CPUs, client {client}: OSv / Docker {value:.2f}"
            claim = _of_repetition(f"M-{place}", text, value, cpus)
            yield replace(claim, workload=workload, languages=frozenset({language}))
        if arm in ("docker", "osv-qemu") and cpus > 1 and one:
            value, runtime = median / one, arm.partition("-")[0]
            text = f"{said}, {runtime}, client {client}: {cpus} CPUs / 1 CPU {value:.2f}"
            claim = _of_repetition(f"M-{place}-{runtime}-scaling", text, value, cpus)
            yield replace(
                claim,
                measure="scaling",
                workload=workload,
                languages=frozenset({language}),
                threads_base=1,
                runtime=runtime,
                base="",
            )


def _of_repetition(id_: str, text: str, value: float, cpus: int) -> Claim:
    """A ratio of OSv to Docker that his runs gave, of any service."""
    return Claim(
        id=id_,
        said_by=MAINTAINER,
        place="test_results/",
        text=text,
        measure="ratio",
        metric="throughput",
        workload="",
        languages=frozenset(),
        threads=cpus,
        threads_base=None,
        runtime="osv",
        base="docker",
        low=value * (1 - _TOLERANCE_OF_REPETITION),
        high=value * (1 + _TOLERANCE_OF_REPETITION),
        tolerance="5 % either way",
        note="",
        value=value,
    )

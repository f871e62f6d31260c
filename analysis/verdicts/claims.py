"""Claims of others: what was claimed, under which conditions, and within which tolerance it holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal, cast

import numpy as np
import polars as pl

from analysis import reference
from analysis.checks.evidence import Evidence
from contracts.platforms import PLATFORMS
from contracts.workload import is_variant, split_service

Measure = Literal["ratio", "scaling", "builds", "extra", "value", "crashes", "absolute", "setup", "none"]
NOT_MEASURED: frozenset[Measure] = frozenset({"absolute", "setup", "none"})
STUDY = "the study"
MAINTAINER = "OSv's maintainer"
# His tables give medians of three runs; a repetition on another machine that is as near is the same result.
_TOLERANCE_OF_REPETITION = 0.05
_ANY = frozenset({"any", "NA"})
_LANGUAGES = ("go", "java", "python")  # those of the study
_WORKLOADS = {"rest": "todos", "sort": "bubble_sort"}


@dataclass(frozen=True)
class Conditions:
    """What a cell must share with the claim for a verdict; None: the claim holds whatever it is.

    Attributes:
        platform: of the arm that is not a container.
        memory_mib: memory cap. users: of the closed loop. array_length: numbers that are sorted.
        moment: when memory is read; "idle" is after the first right answer, so after one request.
    """

    platform: str | None = None
    memory_mib: int | None = None
    users: int | None = None
    array_length: int | None = None
    moment: str | None = None


_THROUGHPUTS = {"go": "C035", "java": "C036"}
_TIMES_OF_SORTING = {"go": "C041", "java": "C043", "python": "C044"}


@dataclass(frozen=True)
class Claim:
    """One quantitative claim.

    Attributes:
        id, claimed_by, place: which claim, whose, and its place in the text.
        text: what is claimed, in a phrase, with its value and unit.
        measure: how evidence answers it. ``ratio`` of runtime to base; ``scaling`` of threads to
            threads_base; ``builds`` of build to build_base in one arm; ``extra``, runtime less base;
            ``value`` of the runtime itself; ``crashes`` per million requests. The others are not measured,
            and ``note`` is the reason.
        metric: key of analysis.records.metrics, or ``memory``.
        workload, languages, threads: of the cells that it is about; empty or None for any.
        every_language: languages that must all be measured for "reproduced".
        runtime, base: runtimes of contracts.arms.
        build, build_base: variants of the service, "" for the plain one.
        conditions: those of the study.
        low, high: the tolerance: a result in between is the claimed one. ``tolerance``: why these.
        same_as: id of the claim that this one repeats, or "".
    """

    id: str
    claimed_by: str
    place: str
    text: str
    measure: Measure
    metric: str
    workload: str
    languages: frozenset[str]
    every_language: tuple[str, ...]
    threads: int | None
    threads_base: int | None
    runtime: str
    base: str
    build: str
    build_base: str
    conditions: Conditions
    low: float
    high: float
    tolerance: str
    note: str
    same_as: str = ""
    value: float | None = None

    @property
    def answerable(self) -> bool:
        """Whether this laboratory has the means to answer it: a measure, and a platform that it knows."""
        known = self.conditions.platform is None or self.conditions.platform in PLATFORMS
        return self.measure not in NOT_MEASURED and known and not self.same_as


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


def study_ratios(workload: str) -> dict[str, float]:
    """Unikernel over container with one thread, by language: throughput of todos, time of bubble_sort."""
    if workload == "bubble_sort":
        return {name: study_value(claim) for name, claim in _TIMES_OF_SORTING.items()}
    if workload != "todos":
        return {}
    found = {name: study_value(claim) for name, claim in _THROUGHPUTS.items()}
    return found | {"python": study_value("C038") / study_value("C039")}


def study_time_ratio(service: str) -> float | None:
    """What the study's time per request was in the unikernel, over the container's; None for others."""
    if is_variant(service):
        return None
    workload, language = split_service(service)
    ratio = study_ratios(workload).get(language)
    return 1 / ratio if ratio and workload == "todos" else ratio


@cache
def study_array_length() -> int:
    """How many numbers the study sorts."""
    return int(study_value("C033"))


@cache
def _conditions_of_study(workload: str, platform: str, metric: str) -> Conditions:
    """Memory cap (C018), users (C027; sorting is asked one after another) and array length (C033)."""
    memory = metric == "memory"
    return Conditions(
        platform=platform or None,
        memory_mib=int(study_value("C018")) if workload else None,
        users={"todos": int(study_value("C027")), "bubble_sort": 1}.get("" if memory else workload),
        array_length=study_array_length() if workload == "bubble_sort" else None,
        moment="idle" if memory else None,
    )


def _study_claim(row: dict[str, str | None]) -> Claim:
    text = {name: value or "" for name, value in row.items()}
    threads, threads_base = text["threads"], text["threads_base"]
    named = [name for name in text["language"].split(";") if name not in _ANY]
    # "go(pie)" is a build of Go.
    languages = frozenset(name.partition("(")[0] for name in named)
    workload = _WORKLOADS.get(text["workload"], "")
    return Claim(
        id=text["id"],
        claimed_by=STUDY,
        place=text["quote_locator"],
        text=_phrase(text),
        measure=cast(Measure, text["measure"]),
        metric=text["metric"],
        workload=workload,
        languages=languages,
        every_language=tuple(sorted(languages)) or _LANGUAGES,
        threads=int(threads) if threads not in _ANY else None,
        threads_base=int(threads_base) if threads_base else None,
        runtime=text["arm"],
        base=text["arm_base"],
        build=text["build"],
        build_base=text["build_base"],
        conditions=_conditions_of_study(workload, text["platform"], text["metric"])
        if text["measure"] not in NOT_MEASURED
        else Conditions(),
        low=float(text["low"] or "nan"),
        high=float(text["high"] or "nan"),
        tolerance=text["tolerance"],
        note=text["note"],
        same_as=text["same_as"],
        value=float(text["ratio"]) if text["ratio"] else _number(text["value"]),
    )


def _phrase(text: dict[str, str]) -> str:
    about = [part for part in (text["workload"], text["language"], text["runtime"]) if part not in _ANY]
    count = text["threads"]
    threads = [] if count in _ANY else [f"{count} thread{'s' * (count != '1')}"]
    name = text["claim"].replace("_", " ")
    unit = "" if text["unit"] in ("ratio", "version", "model", "date", "formula") else f" {text['unit']}"
    of = f" ({text['comparison']})" if "/" in text["comparison"] or "-" in text["comparison"] else ""
    ratio = f", a ratio of {float(text['ratio']):.3g} to the container" if text["ratio"] else ""
    return f"{name}, {', '.join([*about, *threads]) or 'any'}: {text['value']}{unit}{of}{ratio}"


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
        _, language = split_service(service)
        about = f"throughput, rest, {language}"
        place = f"{client}-{language}-{cpus}"
        base, one = medians.get((service, "docker", cpus)), medians.get((service, arm, 1))
        if arm == "osv-qemu" and base:
            value = median / base
            text = f"{about}, {cpus} CPUs, client {client}: OSv / Docker {value:.2f}"
            yield _of_repetition(f"M-{place}", text, value, cpus, service)
        if arm in ("docker", "osv-qemu") and cpus > 1 and one:
            value, runtime = median / one, arm.partition("-")[0]
            text = f"{about}, {runtime}, client {client}: {cpus} CPUs / 1 CPU {value:.2f}"
            claim = _of_repetition(f"M-{place}-{runtime}-scaling", text, value, cpus, service)
            yield replace(
                claim,
                measure="scaling",
                threads_base=1,
                runtime=runtime,
                base="",
                conditions=Conditions(platform="docker" if runtime == "docker" else "qemu"),
            )


def _of_repetition(id_: str, text: str, value: float, cpus: int, service: str) -> Claim:
    """A ratio of OSv to Docker that his runs gave. His files state neither users nor memory caps."""
    workload, language = split_service(service)
    return Claim(
        id=id_,
        claimed_by=MAINTAINER,
        place="test_results/",
        text=text,
        measure="ratio",
        metric="throughput",
        workload=workload,
        languages=frozenset({language}),
        every_language=(language,),
        threads=cpus,
        threads_base=None,
        runtime="osv",
        base="docker",
        build="",
        build_base="",
        conditions=Conditions(platform="qemu"),
        low=value * (1 - _TOLERANCE_OF_REPETITION),
        high=value * (1 + _TOLERANCE_OF_REPETITION),
        tolerance="5 % either way",
        note="",
        value=value,
    )

"""The study's break-even, HV + UK x MPK < OS + C x MPC, from the memory and throughput of a campaign.

A campaign measures MPK and MPC, so the break-even is given per GiB that the hypervisor's host needs less
than the containers' host, and drawn over that difference: K* grows in proportion to it. Where the records
state HV and OS, what the two hosts took themselves before the first instance, K* on these hosts is shown too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from analysis.estimates.block_table import BlockTable
from analysis.estimates.break_even import BreakEven, break_even
from analysis.estimates.pairs import Pair
from analysis.records.metrics import STUDY_MEMORY_KINDS, THROUGHPUT, memory_column, memory_kinds
from contracts.units import MIB

SAVED_MIB = 1024.0
UNIKERNELS_PER_CONTAINER = (1, 2, 4)
# What a guest has touched is the study's MPK; its hypervisor's process holds that and itself.
_KINDS_OF_GUESTS = ("guest_touched", "hypervisor_process")
_PER_THOUSAND = 1000.0


@dataclass(frozen=True)
class BreakEvenRow:
    """One break-even, where the hypervisor's host needs SAVED_MIB less than the containers' host.

    ``per``: "containers", which u unikernels each replace, or "1000 requests/s", for which as many
    instances run as the measured throughput asks for (``unikernels`` is 0 there). ``here``: K* with the
    hosts' own memory as recorded, None where it was not.
    """

    pair: Pair
    kind: str
    when: str
    per: str
    unikernels: int
    found: BreakEven
    here: BreakEven | None = None


def hosts_in_use_mib(pair: Pair) -> tuple[list[float], list[float]] | None:
    """OS and HV: what the containers' and the guests' host took before the first instance, MiB, one per run.

    None where one of them is not recorded, or both are the same machine.
    """
    sides = (pair.base.trials, pair.other.trials)
    found = [
        (
            side.select(
                (pl.col("host_in_use_bytes") / MIB).drop_nulls().unique(maintain_order=True)
            ).to_series()
        )
        for side in sides
    ]
    if any(row.is_empty() for row in found) or set(sides[0]["host"]) & set(sides[1]["host"]):
        return None
    return found[0].to_list(), found[1].to_list()


def break_even_rows(pairs: Sequence[Pair], seed: int, throughput: BlockTable) -> list[BreakEvenRow]:
    """Every pair of a guest and a container whose memory is known at a common moment.

    ``throughput``: of the campaign, by block: what a block did to it is taken out of the memory per request.
    """
    return [
        row
        for pair in pairs
        for kind in _KINDS_OF_GUESTS
        for row in _rows(pair, kind, seed, throughput)
        if pair.base.runtime == "docker" and pair.other.runtime in ("osv", "linux")
    ]


def _rows(pair: Pair, kind: str, seed: int, throughput: BlockTable) -> list[BreakEvenRow]:
    moments = [
        {when for found, when in memory_kinds(side.trials) if found == wanted}
        for side, wanted in ((pair.other, kind), (pair.base, STUDY_MEMORY_KINDS["docker"]))
    ]
    rows = []
    hosts = hosts_in_use_mib(pair)
    effects = throughput.effects(pair.other, pair.base)
    # Under load where it was read so: a service that is not asked needs no host.
    for when in sorted(moments[0] & moments[1], reverse=True)[:1]:
        mpk, mpc = (
            _mib(side.trials, memory_column(found, when))
            for side, found in ((pair.other, kind), (pair.base, STUDY_MEMORY_KINDS["docker"]))
        )
        for unikernels in UNIKERNELS_PER_CONTAINER:
            found = break_even(mpk, mpc, [SAVED_MIB], [0.0], unikernels, seed=seed)
            here = break_even(mpk, mpc, *hosts, unikernels, seed=seed) if hosts else None
            rows.append(BreakEvenRow(pair, kind, when, "containers", unikernels, found, here))
        per_rate = [
            _mib_per_thousand(side.trials, memory_column(found, when), effects)
            for side, found in ((pair.other, kind), (pair.base, STUDY_MEMORY_KINDS["docker"]))
        ]
        if all(per_rate):
            found = break_even(per_rate[0], per_rate[1], [SAVED_MIB], [0.0], seed=seed)
            here = break_even(per_rate[0], per_rate[1], *hosts, seed=seed) if hosts else None
            rows.append(BreakEvenRow(pair, kind, when, "1000 requests/s", 0, found, here))
    return rows


def _mib(trials: pl.DataFrame, column: str) -> list[float]:
    return (trials[column].drop_nulls() / MIB).to_list()


def _mib_per_thousand(trials: pl.DataFrame, column: str, effects: Mapping[int, float]) -> list[float]:
    """Memory in MiB that answers 1000 requests/s: of whole instances, in proportion.

    ``effects``: what each block did to the throughput, on the logarithm.
    """
    per_rate = pl.col(column) / MIB / THROUGHPUT.expression * _PER_THOUSAND
    found = trials.select("block", value=per_rate).drop_nulls("value")
    return [value * math.exp(effects.get(block, 0.0)) for block, value in found.iter_rows()]

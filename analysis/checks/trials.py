"""What a trial must show before it counts: one rule per row, applied to the table of trials alike for all.

A rule is an expression for what is wrong with a trial, null where nothing is. Nothing here looks
at which arm a trial is of, nor at whether its figure is welcome.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
from unilab_load.limits import CEILING_TOLERANCE, CPU_LIMIT_PERCENT, LITTLE_TOLERANCE


@dataclass(frozen=True)
class TrialRule:
    """``name`` as tables show it; ``meaning`` for people; ``fault`` is what is wrong, or null."""

    name: str
    meaning: str
    fault: pl.Expr


_CEILING_PERCENT = f"{100 * CEILING_TOLERANCE:.0f}"
_LITTLE_PERCENT = f"{100 * LITTLE_TOLERANCE:.0f}"
_completed = pl.col("end") == "completed"
_without_errors = pl.col("errors").fill_null(0) == 0
_at_ceiling = pl.col("throughput_per_s") >= (1 - CEILING_TOLERANCE) * pl.col("generator_ceiling_per_s")
_closed_by_time = (pl.col("loop") == "closed") & (pl.col("load_ends_by") == "duration")

ENDED = TrialRule(
    "ended",
    "the trial was completed",
    pl.when(~_completed).then(
        pl.when(pl.col("end_why") == "").then(pl.lit("no reason was recorded")).otherwise("end_why")
    ),
)
MEASURED = TrialRule(
    "measured",
    "a load was made, and it had right answers",
    pl.when(_completed & pl.col("throughput_per_s").is_null())
    .then(pl.lit("it completed without a load result"))
    .when(_completed & (pl.col("throughput_per_s") <= 0))
    .then(pl.lit("no right answer in the measured window")),
)
CLOCK = TrialRule(
    "clock",
    "its clock goes forwards, and no other trial ran meanwhile",
    pl.when(pl.col("ended_at") < pl.col("started_at"))
    .then(
        pl.format(
            "the clock went backwards: it ended at {} and began at {}",
            pl.col("ended_at").dt.to_string("%H:%M:%S"),
            pl.col("started_at").dt.to_string("%H:%M:%S"),
        )
    )
    .otherwise("overlap"),
)
IDENTITY = TrialRule(
    "identity",
    "the instance proved to be the one that this trial started",
    pl.when(pl.col("identity") != "proven")
    .then("identity")
    .when(_completed & pl.col("identity").is_null())
    .then(pl.lit("the instance was not asked for its identity")),
)
CAPS = TrialRule(
    "caps",
    "the limits were read back from the system, and are those asked for",
    pl.when(_completed & (pl.col("read_cpus").is_null() | pl.col("read_memory_bytes").is_null()))
    .then(pl.lit("its caps were not read back"))
    .when(
        ((pl.col("read_cpus") - pl.col("wanted_cpus")).abs() > 1e-6)
        | (pl.col("read_memory_bytes") != pl.col("wanted_memory_bytes"))
    )
    .then(
        pl.format(
            "its caps read back as {} CPU and {} bytes, not {} and {}",
            *("read_cpus", "read_memory_bytes", "wanted_cpus", "wanted_memory_bytes"),
        )
    ),
)
GENERATOR = TrialRule(
    "generator",
    f"the load generator was not the limit: its own verdict, and at most {CPU_LIMIT_PERCENT:.0f} % of a core",
    pl.when(pl.col("verdict") != "valid")
    .then("verdict")
    .when(pl.col("generator_cpu_percent") > CPU_LIMIT_PERCENT)
    .then(pl.format("the generator's CPU was at {} % of a core", pl.col("generator_cpu_percent").round(1))),
)
CEILING = TrialRule(
    "ceiling",
    f"the throughput lies more than {_CEILING_PERCENT} % below what the generator can make at all",
    pl.when(_at_ceiling).then(
        pl.format(
            f"{{}} requests/s is within {_CEILING_PERCENT} % of the generator's ceiling of {{}}{{}}",
            pl.col("throughput_per_s").round(1),
            pl.col("generator_ceiling_per_s").round(1),
            pl.when(pl.col("targets_at_ceiling") > 1)
            .then(pl.format(", as are {} different targets in all", "targets_at_ceiling"))
            .otherwise(pl.lit("")),
        )
    ),
)
LITTLE = TrialRule(
    "little",
    f"Little's law N = X R holds within {_LITTLE_PERCENT} % (closed loop by time, without errors)",
    pl.when(_closed_by_time & _without_errors & (pl.col("little_residual").abs() > LITTLE_TOLERANCE)).then(
        pl.format(
            f"Little's law fails by {{}} %, limit {_LITTLE_PERCENT} %",
            (pl.col("little_residual") * 100).round(1),
        )
    ),
)

RULES = (ENDED, MEASURED, CLOCK, IDENTITY, CAPS, GENERATOR, CEILING, LITTLE)


def judge(trials: pl.DataFrame, rules: Sequence[TrialRule] = RULES) -> pl.DataFrame:
    """``trials`` with ``failed``, the first rule that each fails ("" where it counts), and ``why_not``."""
    prepared = trials.with_columns(_overlap(trials), _targets_at_ceiling())
    faults = prepared.select(rule.fault.alias(rule.name) for rule in rules)
    return trials.with_columns(
        failed=faults.select(
            pl.coalesce(
                *(pl.when(pl.col(rule.name).is_not_null()).then(pl.lit(rule.name)) for rule in rules),
                pl.lit(""),
            )
        ).to_series(),
        why_not=faults.select(pl.coalesce(*(rule.name for rule in rules), pl.lit(""))).to_series(),
    )


def _overlap(trials: pl.DataFrame) -> pl.Series:
    """For each trial, which other one ran at the same time by the controller's clock; null for none."""
    ordered = trials.with_row_index("row").sort("started_at", maintain_order=True)
    before, after = (pl.col("trial_id").shift(step) for step in (1, -1))
    stated = "trial {} overlaps it: two ran at once, or the clock went backwards"
    return (
        ordered.select(
            "row",
            overlap=pl.when(pl.col("started_at") < pl.col("ended_at").shift(1))
            .then(pl.format(stated, before))
            .when(pl.col("ended_at") > pl.col("started_at").shift(-1))
            .then(pl.format(stated, after)),
        )
        .sort("row")
        .get_column("overlap")
    )


def _targets_at_ceiling() -> pl.Expr:
    """How many different services and arms of the campaign sit within 5 % of the generator's ceiling."""
    return pl.struct("service", "arm").filter(_at_ceiling).n_unique().alias("targets_at_ceiling")

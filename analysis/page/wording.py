"""Numbers and findings in words."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.estimates.comparisons import Comparison
from analysis.estimates.ratio import EQUIVALENCE_MARGIN, MINIMUM_BOOTS, RatioInterval
from analysis.formatting import count, interval, number, ratio
from analysis.records.results import Results
from contracts.arms import arm_named
from contracts.platforms import PLATFORMS
from contracts.trial import Accelerator

_RUNTIMES = {
    "docker": "the service in a Docker container",
    "linux": "a Linux guest with the service as its only program, the control arm",
    "osv": "the service in an OSv unikernel",
    "prebuilt": "a unikernel image that the user supplied",
}

_ACCELERATORS: dict[Accelerator, tuple[str, str]] = {
    "tcg": (
        "TCG (emulated CPU)",
        "The virtual CPU was emulated in software. Absolute values mean nothing; ratios between arms on the "
        "same virtual CPU do.",
    ),
    "kvm": ("KVM", "The virtual CPU was the host's own, through KVM."),
    "xen": ("Xen", "The virtual CPU was the host's own, through Xen."),
    "none": (
        "none (no virtual CPU)",
        "These arms ran on the host's own CPU and are never compared with arms in a guest.",
    ),
}

_NO_XEN = (
    "no Xen ran. A double took XenServer's place and booted the uploaded disks in QEMU: caps on CPUs were "
    "remembered and did not bind, and nothing here says how fast a XenServer is."
)


def arm(name: str) -> str:
    """What the arm is, in a phrase."""
    known = arm_named(name)
    platform = PLATFORMS[known.platform]
    return _RUNTIMES[known.runtime] + (f", run by {platform.label}" if platform.is_guest else "")


def accelerators(results: Results) -> list[Accelerator]:
    """Those that the recorded trials state, sorted."""
    return sorted({record.instance.accelerator for record in results.records if record.instance})


def accelerator_names(results: Results) -> str:
    """For the banner."""
    return " and ".join(_ACCELERATORS[name][0] for name in accelerators(results)) or "not recorded yet"


def cautions(results: Results) -> list[str]:
    """What to know before a figure is believed: what each accelerator is worth, and whether Xen was one."""
    found = [_ACCELERATORS[name][1] for name in accelerators(results)]
    doubled = {
        record.cell.arm
        for record in results.records
        if record.instance and record.instance.accelerator != "xen"
        if arm_named(record.cell.arm).platform == "xenserver"
    }
    return [*found, f"{' and '.join(sorted(doubled))}: {_NO_XEN}"] if doubled else found


def finding(comparison: Comparison) -> str:
    """One comparison of throughput as a sentence."""
    other, base = comparison.pair.other.cell.arm, comparison.pair.base.cell.arm
    found = comparison.interval
    if found.insufficient:
        return _no_interval(other, base, found)
    if found.same_within(EQUIVALENCE_MARGIN):
        return (
            f"{other} and {base} are the same within {EQUIVALENCE_MARGIN * 100:g} % (ratio "
            f"{ratio(found.ratio)}, 95 % interval {interval(found)}, two one-sided tests at 5 %)."
        )
    if found.excludes_one:
        return (
            f"{other} answers {_how_many(found.ratio)} requests per second {_than(found.ratio)} {base} "
            f"(ratio {ratio(found.ratio)}, 95 % interval {interval(found)})."
        )
    return (
        f"{other} and {base} cannot be told apart: the ratio seen is {ratio(found.ratio)}, but anything "
        f"from {interval(found)} fits (95 % interval)."
    )


def outcome(comparisons: Sequence[Comparison]) -> str:
    """How many comparisons of throughput said something."""
    if not comparisons:
        return "No two arms can be compared yet."
    apart = sum(row.interval.excludes_one for row in comparisons)
    insufficient = sum(row.interval.insufficient for row in comparisons)
    together = len(comparisons) - apart - insufficient
    parts = [
        f"{amount} {what}"
        for amount, what in (
            (apart, "told the arms apart"),
            (together, "could not tell them apart"),
            (insufficient, "had too few boots"),
        )
        if amount
    ]
    return f"Of {count(len(comparisons), 'comparison')} of throughput, {', '.join(parts)}."


def digest(comparisons: Sequence[Comparison]) -> list[tuple[str, str]]:
    """Per pair of arms, over all services and settings: ``(arms, how it went)``."""
    arms: dict[str, list[RatioInterval]] = {}
    for row in comparisons:
        name = f"{row.pair.other.cell.arm} against {row.pair.base.cell.arm}"
        arms.setdefault(name, []).append(row.interval)
    return [(name, _digest_of(found)) for name, found in arms.items()]


def verdict(comparison: Comparison) -> str:
    """A word for a table."""
    found = comparison.interval
    if found.insufficient:
        return "insufficient"
    if found.same_within(EQUIVALENCE_MARGIN):
        return f"the same within {EQUIVALENCE_MARGIN * 100:g} %"
    if not found.excludes_one:
        return "cannot be told apart"
    return "higher" if found.low > 1 else "lower"


def completeness(results: Results, without: int) -> str:
    """Whether the campaign is complete, and what is missing; ``without``: trials that do not count."""
    if not results.campaign.trials:
        return "The plan is empty: the study excludes every cell."
    if results.complete:
        rest = f"; {count(without, 'trial')} gave no valid measurement" if without else ""
        return f"Complete: every planned trial has been run{rest}."
    parts = []
    if results.to_do:
        parts.append(f"{count(len(results.to_do), 'planned trial')} still to do")
    if results.not_run:
        arms = ", ".join(row.arm for row in results.campaign.not_run)
        parts.append(f"{count(len(results.not_run), 'planned trial')} not run for want of {arms}")
    return f"Incomplete: {' and '.join(parts)}."


def _no_interval(other: str, base: str, found: RatioInterval) -> str:
    if min(found.boots_other, found.boots_base) < MINIMUM_BOOTS:
        why = (
            f"an interval needs {MINIMUM_BOOTS} valid boots of each arm, "
            f"here are {found.boots_other} and {found.boots_base}"
        )
    else:
        why = "these boots give no finite interval"
    return f"{other} against {base}: insufficient. The ratio seen is {ratio(found.ratio)}, but {why}."


def _digest_of(found: Sequence[RatioInterval]) -> str:
    higher = [row.ratio for row in found if row.low > 1]
    lower = [row.ratio for row in found if row.high < 1]
    insufficient = sum(row.insufficient for row in found)
    together = len(found) - len(higher) - len(lower) - insufficient
    of_all = f"of {count(len(found), 'comparison')}"
    parts = []
    if higher:
        parts.append(f"more requests per second in {len(higher)} {of_all} ({_range(higher)})")
    if lower:
        parts.append(f"fewer requests per second in {len(lower)} {of_all} ({_range(lower)})")
    if together:
        parts.append(f"cannot be told apart in {together} {of_all}")
    if insufficient:
        parts.append(f"too few boots in {insufficient} {of_all}")
    return "; ".join(parts) + "."


def _range(ratios: Sequence[float]) -> str:
    low, high = ratio(min(ratios)), ratio(max(ratios))
    return f"ratio {low}" if low == high else f"ratios {low} to {high}"


def _how_many(value: float) -> str:
    if value >= 2:
        return f"{number(value, 2)} times as many"
    change = number(abs(value - 1) * 100, 2)
    return f"{change} % {'more' if value > 1 else 'fewer'}"


def _than(value: float) -> str:
    return "as" if value >= 2 else "than"

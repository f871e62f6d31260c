"""Numbers and findings in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from analysis.estimates.ratio import EQUIVALENCE_MARGIN, MINIMUM_BOOTS, RatioInterval
from analysis.formatting import NOTHING, count, interval, number, ratio
from analysis.records.emulation import host_is_emulated, is_emulated
from analysis.records.results import Results
from analysis.verdicts.headline import Decision, Outcome
from contracts.arms import arm_named
from contracts.control import arm_booted
from contracts.platforms import PLATFORMS
from contracts.trial import Accelerator

_OUTCOMES: tuple[Outcome, ...] = ("different", "same", "undecided", "still running")
_RUNTIMES = {
    "docker": "the service in a Docker container",
    "native": "the service as a process of its host, without a container",
    "linux": "a Linux guest with the service as its only program, the control arm",
    "osv": "the service in an OSv unikernel",
    "prebuilt": "a unikernel image that the user supplied",
}

_ACCELERATORS: dict[Accelerator, str] = {
    "tcg": "TCG (emulated CPU)",
    "kvm": "KVM",
    "xen": "Xen",
    "none": "none (no virtual CPU)",
}
_HYPERVISORS: dict[Accelerator, str] = {
    "tcg": "No hypervisor ran under {arms}: the virtual CPU was emulated in software (QEMU's TCG).",
    "kvm": "The hypervisor under {arms} was a real one: KVM{where}.",
    "xen": "The hypervisor under {arms} was a real one: Xen{where}.",
    "none": "{arms} had no virtual CPU of its own.",
}
_ON_EMULATED_SERVER = ", on a server whose processor was emulated in software (QEMU's TCG)"
_ON_OWN_PROCESSOR = ", on the host's own processor"
_EMULATED_TIMES = (
    "Times, rates and their ratios are those of the emulator and no evidence about hardware; counted work is."
)

_NO_XEN = (
    "no Xen ran. A double took XenServer's place and booted the uploaded disks in QEMU: caps on CPUs were "
    "remembered and did not bind, and no figure here is one of a XenServer."
)


def arm(name: str) -> str:
    """What the arm is, in a phrase."""
    known = arm_named(name)
    platform = PLATFORMS[known.platform]
    what = _RUNTIMES.get(known.runtime, f"the service in the runtime {known.runtime}")
    return what + (f", run by {platform.label}" if platform.is_guest else "")


def accelerators(results: Results) -> list[Accelerator]:
    """Those that the recorded trials state, sorted."""
    return sorted({record.instance.executed_by for record in results.records if record.instance})


def accelerator_names(results: Results) -> str:
    """For the table of facts about the campaign."""
    names = [_ACCELERATORS[name] for name in accelerators(results)]
    if any(
        host_is_emulated(record) and record.instance.executed_by != "tcg"
        for record in results.records
        if record.instance
    ):
        names.append("all on a server with an emulated CPU")
    return ", ".join(names) or "not recorded yet"


def cautions(results: Results) -> list[str]:
    """What to know before a figure is believed: whether a hypervisor ran, and what times are worth."""
    found = [_hypervisor(*group) for group in _guests(results).items()]
    if any(map(is_emulated, results.records)):
        found.append(_EMULATED_TIMES)
    doubled = {
        record.cell.arm
        for record in results.records
        if record.instance and record.instance.accelerator != "xen"
        if arm_named(record.cell.arm).platform == "xenserver"
    }
    return [*found, f"{' and '.join(sorted(doubled))}: {_NO_XEN}"] if doubled else found


def _guests(results: Results) -> dict[tuple[Accelerator, bool], list[str]]:
    """Arms of guests by accelerator, and by whether the processor of their host was emulated."""
    found: dict[tuple[Accelerator, bool], list[str]] = {}
    for record in results.records:
        if record.instance and PLATFORMS[arm_named(record.cell.arm).platform].is_guest:
            key = (record.instance.accelerator, host_is_emulated(record))
            found.setdefault(key, []).append(arm_booted(record.cell.arm))
    return {key: sorted(set(arms)) for key, arms in sorted(found.items())}


def _hypervisor(key: tuple[Accelerator, bool], arms: Sequence[str]) -> str:
    accelerator, emulated = key
    where = _ON_EMULATED_SERVER if emulated else _ON_OWN_PROCESSOR
    return _HYPERVISORS[accelerator].format(arms=" and ".join(arms), where=where)


def sentence(decision: Decision) -> str:
    """One primary comparison: different by so much, the same within so much, or what would decide it."""
    row = decision.comparison
    other, base, found = row.pair.other.cell.arm, row.pair.base.cell.arm, row.interval
    seen = f"ratio {ratio(found.ratio)}, 95 % interval {interval(found)}"
    start = f"{row.metric.title}: {other}"
    if decision.outcome == "still running":
        return f"{start} / {base}, so far: {seen}. Nothing is decided before the campaign ends."
    if decision.outcome == "same":
        return f"{start} and {base} are the same within {number(decision.margin * 100, 2)} % ({seen})."
    if decision.outcome == "different":
        return f"{start} is {_by_how_much(found.ratio)} {base} ({seen})."
    return f"{start} / {base} is undecided ({seen}). {_remedy(decision)}"


def outcome(decisions: Sequence[Decision]) -> str:
    """How many primary comparisons ended how."""
    if not decisions:
        return "No two arms can be compared yet."
    found = Counter(row.outcome for row in decisions)
    parts = [f"{found[name]} {name}" for name in _OUTCOMES if found[name]]
    return f"Of {count(len(decisions), 'primary comparison')}: {', '.join(parts)}."


def digest(decisions: Sequence[Decision]) -> list[tuple[str, str]]:
    """Per metric and pair of arms, over all services and settings: ``(arms, how they ended)``."""
    groups: dict[str, list[Decision]] = {}
    for row in decisions:
        pair = row.comparison.pair
        name = f"{row.comparison.metric.title}, {pair.other.cell.arm} against {pair.base.cell.arm}"
        groups.setdefault(name, []).append(row)
    return [(name, _digest_of(rows)) for name, rows in groups.items()]


def verdict(found: RatioInterval, *, running: bool = False) -> str:
    """A word for an exploratory comparison; ``found`` is widened by what its windows leave open."""
    if found.insufficient:
        return "undecided"
    if running:
        return NOTHING
    if found.same_within(EQUIVALENCE_MARGIN):
        return f"the same within {EQUIVALENCE_MARGIN * 100:g} %"
    if not found.excludes_one:
        return "undecided"
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


def remedy_in_boots(found: RatioInterval, boots: int | None) -> str:
    """What an undecided ratio would take; ``boots``: of each arm that would decide it, None if unknown."""
    if min(found.boots_other, found.boots_base) < MINIMUM_BOOTS:
        return (
            f"An interval needs {MINIMUM_BOOTS} valid boots of each arm, here are "
            f"{found.boots_other} and {found.boots_base}."
        )
    if found.insufficient:
        return "These boots give no finite interval."
    if boots:
        return f"About {count(boots, 'boot')} of each arm would decide it."
    return "No number of boots would decide it."


def _remedy(decision: Decision) -> str:
    found, boots = decision.comparison.interval, decision.boots
    if not decision.why:
        return remedy_in_boots(found, boots)
    enough = boots is None or boots <= min(found.boots_other, found.boots_base)
    if enough and not found.insufficient:
        return f"It takes a longer or steadier window, not more boots: {decision.why}."
    return f"{remedy_in_boots(found, boots)} Beside that: {decision.why}."


def _digest_of(rows: Sequence[Decision]) -> str:
    found = Counter(row.outcome for row in rows)
    ratios = [row.comparison.interval.ratio for row in rows if row.outcome == "different"]
    split = {
        "higher": [value for value in ratios if value > 1],
        "lower": [value for value in ratios if value <= 1],
    }
    parts = [f"{word} in {len(values)} ({_range(values)})" for word, values in split.items() if values]
    parts += [f"{name} in {found[name]}" for name in _OUTCOMES[1:] if found[name]]
    return f"of {count(len(rows), 'comparison')}: {'; '.join(parts)}."


def _range(ratios: Sequence[float]) -> str:
    low, high = ratio(min(ratios)), ratio(max(ratios))
    return f"ratio {low}" if low == high else f"ratios {low} to {high}"


def _by_how_much(value: float) -> str:
    if value >= 2:
        return f"{number(value, 2)} times that of"
    return f"{number(abs(value - 1) * 100, 2)} % {'higher' if value > 1 else 'lower'} than that of"

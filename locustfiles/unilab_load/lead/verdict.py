"""Whether the load generator spoiled the trial: it must never be what is measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unilab_load.limits import (
    CEILING_TOLERANCE,
    CPU_LIMIT_PERCENT,
    FEW_RETRANSMITS,
    LATENESS_LIMIT_MS,
    LATENESS_TOLERANCE,
    LINK_LIMIT,
    LITTLE_TOLERANCE,
    RETRANSMIT_LIMIT,
    RETRANSMIT_TIMEOUT_MS,
)
from unilab_load.wire.failures import OWN_KINDS


@dataclass(frozen=True)
class GeneratorUse:
    """What is known of the generator in the measured window.

    Attributes:
        cpu_percent: of its busiest process, in percent of one core.
        requests, errors: right answers, and errors by kind.
        throughput_per_s: right answers per second.
        little_residual: mean number of requests under way / N - 1, N being users that had work (those who
            are done, while a total of requests runs out, are no fault of the generator); None in an open
            loop.
        ceiling_per_s: what the generator's processes are capable of together, or None where not known.
        own_lateness_p99_ms: of sending, while a connection was free; None in a closed loop.
        response_p50_ms: of the right answers.
        link_use: highest share of an interface's speed; None where no interface reports its speed.
        retransmits: TCP segments sent again after the first response of their connection, so lost by the
            path or the client: the target had accepted the connection.
        lost: processes that died.
    """

    cpu_percent: float
    requests: int
    errors: dict[str, int]
    throughput_per_s: float
    little_residual: float | None
    ceiling_per_s: float | None
    own_lateness_p99_ms: float | None
    response_p50_ms: float
    link_use: float | None
    retransmits: int
    lost: Sequence[str] = ()


def generator_verdict(evidence: GeneratorUse) -> str:
    """Return ``valid``, or every reason why the generator spoils the trial."""
    return "; ".join(_reasons(evidence)) or "valid"


def caution(early_retransmits: int) -> str:
    """What the reader should know of the target side, though it does not spoil the trial; or ""."""
    if not early_retransmits:
        return ""
    return (
        f"{early_retransmits} TCP segments were sent again before the target's first response on their"
        " connection: the target (a full listen queue) or the path dropped them, not the generator"
    )


def _reasons(seen: GeneratorUse) -> list[str]:
    reasons = [f"load process lost: {name}" for name in seen.lost]
    if seen.cpu_percent > CPU_LIMIT_PERCENT:
        reasons.append(f"generator used {seen.cpu_percent:.0f} % of a core, limit {CPU_LIMIT_PERCENT:.0f} %")
    if (
        seen.ceiling_per_s is not None
        and seen.throughput_per_s > (1 - CEILING_TOLERANCE) * seen.ceiling_per_s
    ):
        reasons.append(
            f"{seen.throughput_per_s:.0f} requests/s are within {100 * CEILING_TOLERANCE:.0f} % of the"
            f" generator's ceiling, {seen.ceiling_per_s:.0f}"
        )
    reasons += _late(seen)
    # Little 1961: in a closed loop without think time every user has a request under way, N = X*R; what is
    # missing was spent in the generator. After a failure a user pauses, so errors excuse it.
    residual = seen.little_residual
    if residual is not None and not seen.errors and abs(residual) > LITTLE_TOLERANCE:
        reasons.append(f"Little's law fails by {100 * residual:+.1f} %, limit {100 * LITTLE_TOLERANCE:.0f} %")
    if seen.link_use is not None and seen.link_use > LINK_LIMIT:
        reasons.append(
            f"the client's link was used to {100 * seen.link_use:.0f} %, limit {100 * LINK_LIMIT:.0f} %"
        )
    losses = seen.retransmits if seen.response_p50_ms < RETRANSMIT_TIMEOUT_MS else 0
    if losses > max(FEW_RETRANSMITS, RETRANSMIT_LIMIT * seen.requests):
        reasons.append(
            f"{seen.retransmits} TCP segments were sent again for {seen.requests} requests, on connections"
            " that the target had answered on: the path or the client dropped them"
        )
    own = sorted(OWN_KINDS & set(seen.errors))
    return reasons + [f"the client ran out of {kind.removeprefix('no_')}s" for kind in own]


def _late(seen: GeneratorUse) -> list[str]:
    late_ms = seen.own_lateness_p99_ms
    if late_ms is None:
        return []
    limit_ms = max(LATENESS_LIMIT_MS, LATENESS_TOLERANCE * seen.response_p50_ms)
    if late_ms <= limit_ms:
        return []
    return [f"1 % of requests were sent over {late_ms:.1f} ms late, limit {limit_ms:.1f} ms"]

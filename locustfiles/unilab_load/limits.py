"""Limits beyond which the load generator, and not the target, may be what was measured.

The load judges itself by them, and the analysis judges its records by them.
"""

from __future__ import annotations

CPU_LIMIT_PERCENT = 80.0
"""Of one core, for the busiest process."""

CEILING_TOLERANCE = 0.05
"""How near the throughput may come to what the generator is capable of, as a share of it."""

LITTLE_TOLERANCE = 0.05
"""How far Little's law may fail, as a share of the number of users."""

LATENESS_LIMIT_MS = 1.0
LATENESS_TOLERANCE = 0.05
"""How late 1 % of an open loop's requests may be sent: the larger one, the second in median responses."""

LINK_LIMIT = 0.8
"""Share of a link's speed."""

RETRANSMIT_LIMIT = 0.001
FEW_RETRANSMITS = 10
"""TCP segments sent again: the larger of the two, the first per request."""

RETRANSMIT_TIMEOUT_MS = 200.0
"""Linux's shortest (TCP_RTO_MIN): a target that is silent for longer makes TCP send again without a loss."""

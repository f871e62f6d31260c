"""Units of memory, for modules on any host; contracts/units.py has the same for the controller."""

from __future__ import annotations

KIB = 1024
MIB = 1024 * KIB

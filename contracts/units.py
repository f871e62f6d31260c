"""Units of memory; module_utils/unilab/units.py has the same for modules on other hosts."""

from __future__ import annotations

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

"""A guest's console: how a kernel reports that it cannot continue."""

from __future__ import annotations

import re

# Linux: kernel/panic.c, arch/x86/mm/fault.c, init/main.c. OSv: runtime.cc, core/mmu.cc, libc/assert.
PANICS = (
    "Kernel panic - not syncing",
    "end Kernel panic",
    "BUG: unable to handle",
    "No working init found",
    "Assertion failed:",
    "Aborted",
    "[backtrace]",
    "page fault outside application",
    "general protection fault",
)
_LINE = re.compile("|".join(re.escape(text) for text in PANICS))


def panic(console: str) -> str:
    """The first line of ``console`` by which the guest's kernel reports its end, "" where there is none."""
    for line in console.splitlines():
        if _LINE.search(line):
            return line.strip()
    return ""

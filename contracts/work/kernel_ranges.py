"""Addresses of a kernel and of its idle loop, read from its ELF file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from contracts.errors import InputError

# Upper half of the canonical addresses: the kernel's on Linux x86-64 (Documentation/arch/x86/x86_64/mm.rst).
LINUX_KERNEL_RANGE = "ffff800000000000-ffffffffffffffff"
_UPPER_HALF = int(LINUX_KERNEL_RANGE.partition("-")[0], 16)
# OSv's loop that polls for work before it halts: sched::cpu::do_idle() in core/sched.cc.
IDLE_SYMBOLS = ("_ZN5sched3cpu7do_idleEv",)
# Names of OSv's kernel as an ELF file, beside the loader image that holds it packed.
ELF_NAMES = ("loader-stripped.elf", "loader.elf", "kernel.elf")


@dataclass(frozen=True)
class KernelRanges:
    """Inclusive ranges of addresses as "LOW-HIGH", hexadecimal; ``idle`` lies within ``kernel``."""

    kernel: tuple[str, ...] = ()
    idle: tuple[str, ...] = ()


def kernel_ranges(path: Path) -> KernelRanges:
    """Ranges of the kernel at ``path``: its loaded segments, and its idle loop where a symbol names one.

    Raises InputError for a file that is no ELF file, or a damaged one.
    """
    try:
        with path.open("rb") as stream:
            elf = ELFFile(stream)
            segments = [row for row in elf.iter_segments() if row["p_type"] == "PT_LOAD" and row["p_memsz"]]
            kernel = _kernel([(row["p_vaddr"], row["p_memsz"]) for row in segments])
            return KernelRanges(kernel, _idle_loops(elf))
    except (ELFError, OSError) as error:
        raise InputError(
            path, "", f"no ELF file of a kernel ({error})", "give the kernel's ELF file"
        ) from None


def elf_beside(loader: Path) -> Path | None:
    """The ELF file of the kernel that the loader image ``loader`` holds packed, None where none is there."""
    return next((path for name in ELF_NAMES if (path := loader.with_name(name)).is_file()), None)


def _kernel(segments: list[tuple[int, int]]) -> tuple[str, ...]:
    """The segments; or the whole upper half for a kernel there, whose modules are outside of its file."""
    if any(start >= _UPPER_HALF for start, _ in segments):
        return (LINUX_KERNEL_RANGE,)
    return tuple(_range(start, size) for start, size in segments)


def _idle_loops(elf: ELFFile) -> tuple[str, ...]:
    found: dict[int, int] = {}
    for section in elf.iter_sections():
        if isinstance(section, SymbolTableSection):
            for name in IDLE_SYMBOLS:
                for symbol in section.get_symbol_by_name(name) or ():
                    if symbol["st_size"]:
                        found[symbol["st_value"]] = symbol["st_size"]
    return tuple(_range(start, size) for start, size in sorted(found.items()))


def _range(start: int, size: int) -> str:
    return f"{start:x}-{start + size - 1:x}"

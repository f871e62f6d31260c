"""Short names for cells: only what differs between the cells of a study."""

from __future__ import annotations

from collections.abc import Iterable

from analysis.records.cells import CellKey


class Labels:
    """Names cells of one study; threads, CPUs and memory appear where the study varies them."""

    def __init__(self, cells: Iterable[CellKey]) -> None:
        cells = list(cells)
        self._values = {
            "threads": len({cell.threads for cell in cells}),
            "cpus": len({cell.cpus for cell in cells}),
            "memory_mib": len({cell.memory_mib for cell in cells}),
        }

    def setting(self, cell: CellKey) -> str:
        """What sets the cell apart beside service and arm, or ""."""
        return ", ".join(_words(part, cell) for part, values in self._values.items() if values > 1)

    def common(self, cell: CellKey) -> str:
        """What the cell shares with all others, or ""."""
        return ", ".join(_words(part, cell) for part, values in self._values.items() if values == 1)

    def arm(self, cell: CellKey) -> str:
        """The arm, and the setting where there are several."""
        return ", ".join(filter(None, (cell.arm, self.setting(cell))))

    def service(self, cell: CellKey) -> str:
        """The service, and the setting where there are several."""
        return ", ".join(filter(None, (cell.service, self.setting(cell))))


def _words(part: str, cell: CellKey) -> str:
    if part == "threads":
        return f"{cell.threads} thread{'s' * (cell.threads != 1)}"
    if part == "cpus":
        return f"{cell.cpus:g} CPU{'s' * (cell.cpus != 1)}"
    return f"{cell.memory_mib} MiB"

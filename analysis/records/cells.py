"""A cell of a campaign as the analysis sees it: what was compared, and the boots that count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from analysis.records.metrics import Metric
from contracts.cell import Cell
from contracts.workload import Value, parameters_of_text, parameters_slug, parameters_text


@dataclass(frozen=True)
class CellKey:
    """service x arm x threads x caps x parameters.

    Attributes:
        memory_mib: None where it is not known.
        parameters: of the workload, as `contracts.workload.parameters_text` writes them.
    """

    service: str
    arm: str
    threads: int
    cpus: float
    memory_mib: int | None
    parameters: str = ""

    @classmethod
    def of(cls, cell: Cell) -> CellKey:
        """The key of a study's cell."""
        return cls(**cell.model_dump(exclude={"parameters"}), parameters=parameters_text(cell.parameters))

    @property
    def setting(self) -> tuple[str, int, float, int | None, str]:
        """All but the arm: two cells that share it differ in nothing else."""
        return self.service, self.threads, self.cpus, self.memory_mib, self.parameters

    @property
    def slug(self) -> str:
        """A name for files and rows."""
        caps = f"{self.cpus:g}cpu-{self.memory_mib}mib"
        return f"{self.service}-{self.arm}-{self.threads}t-{caps}{parameters_slug(self.parameter_values)}"

    @property
    def parameter_values(self) -> dict[str, Value]:
        """Value of each parameter, by name."""
        return parameters_of_text(self.parameters)


@dataclass(frozen=True)
class CellTrials:
    """The trials of one cell that count, in running order; ``state`` says why there are none."""

    cell: CellKey
    trials: pl.DataFrame
    state: str = ""
    _known: dict[str, tuple[list[int | None], list[float]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def boots(self, metric: Metric) -> tuple[Sequence[int | None], Sequence[float]]:
        """Block and value of each boot: checks, tables and figures all ask, and they are found once."""
        if metric.key not in self._known:
            self._known[metric.key] = metric.boots(self.trials)
        return self._known[metric.key]

    def values(self, metric: Metric) -> Sequence[float]:
        """What ``metric`` finds in the trials, in running order."""
        return self.boots(metric)[1]

    @property
    def runtime(self) -> str:
        """What surrounds the service, "" where no trial counts."""
        return self.trials["runtime"][0] if len(self.trials) else ""

    @property
    def ids(self) -> list[str]:
        """Trial ids, in running order."""
        return self.trials["trial_id"].to_list()

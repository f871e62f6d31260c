"""From a study to its trials: randomised complete blocks, the same for the same seed."""

from __future__ import annotations

import random

from pydantic import BaseModel, ConfigDict

from contracts.cell import Cell
from contracts.study import Study


class PlannedTrial(BaseModel):
    """One boot of one cell: what is to be done, before anything is known of how it went."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    block: int
    position: int
    cell: Cell

    @property
    def directory(self) -> str:
        """Name of the trial's folder in its campaign."""
        return f"{self.id}-{self.cell.slug}"


def plan_trials(study: Study) -> list[PlannedTrial]:
    """Every trial of ``study`` in running order.

    Each block holds every cell once, in an order drawn from the study's seed, so that drift of the
    machine falls on all cells alike (randomised complete block design). All blocks that the study may need
    are planned at once: the order does not depend on results. Arms that cannot run here
    are planned too: omitting them would change the order of the others.
    """
    generator = random.Random(study.seed)
    trials: list[PlannedTrial] = []
    for block in range(study.most_boots):
        cells = study.cells()
        generator.shuffle(cells)
        for position, cell in enumerate(cells):
            trials.append(
                PlannedTrial(id=f"{len(trials) + 1:04d}", block=block, position=position, cell=cell)
            )
    return trials

"""The campaign: how much of it ran, and on what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from analysis.checks.evidence import Evidence
from analysis.page import wording
from analysis.page.facts import PageFacts
from analysis.page.section import Section
from analysis.records.results import Results
from contracts.campaign import Campaign
from contracts.study import Study
from contracts.workload import PARAMETERS, Value


@dataclass(frozen=True)
class CampaignState(Section):
    """Trials that count, failed and are still to do."""

    id = "campaign"
    nav = "The campaign"

    study: Study
    campaign: Campaign
    results: Results
    evidence: Evidence
    accelerators: str
    completeness: str
    arms: list[tuple[str, str]]
    common_setting: str
    parameters: list[str]

    @classmethod
    def of(cls, facts: PageFacts) -> Self:
        """The content for one page."""
        results, evidence, cells = facts.results, facts.evidence, facts.evidence.cells
        return cls(
            study=facts.study,
            campaign=results.campaign,
            results=results,
            evidence=evidence,
            accelerators=wording.accelerator_names(results),
            completeness=wording.completeness(results, evidence.excluded.height),
            arms=[(name, wording.arm(name)) for name in facts.study.arms],
            common_setting=facts.labels.common(cells[0].cell) if cells else "",
            parameters=parameter_sentences(cell.cell.parameter_values for cell in cells),
        )


def parameter_sentences(cells: Iterable[Mapping[str, Value]]) -> list[str]:
    """One sentence for each value of each parameter that the cells have."""
    found = {(name, value) for parameters in cells for name, value in parameters.items()}
    return [PARAMETERS[name].meaning.format(value) for name, value in sorted(found, key=str)]

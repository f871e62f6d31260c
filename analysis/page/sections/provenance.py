"""Where the figures come from, the eight principles, and what is not claimed."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from platform import python_version
from typing import Self

import yaml

from analysis.checks.evidence import Evidence
from analysis.page import record_tables
from analysis.page.facts import PageFacts
from analysis.page.principles import principles_table
from analysis.page.section import Section
from analysis.page.tables import MOST_TRIALS_LISTED, Table
from analysis.records.metrics import THROUGHPUT
from analysis.records.results import Results
from contracts.campaign import Campaign
from contracts.study import Study
from contracts.trial import SCHEMA_VERSION

_LIBRARIES = ("unilab", "numpy", "scipy", "polars", "matplotlib", "pydantic", "jinja2")


@dataclass(frozen=True)
class Principles(Section):
    """The eight principles of reproducible performance evaluation."""

    id = "principles"
    nav = "Eight principles"

    principles: Table

    @classmethod
    def of(cls, facts: PageFacts) -> Self:
        """The content for one page."""
        return cls(principles_table(facts.results, facts.evidence, facts.comparisons[THROUGHPUT.key]))


@dataclass(frozen=True)
class Provenance(Section):
    """Study, order of trials, caps, instances and hosts."""

    id = "provenance"
    nav = "Provenance"

    study: Study
    campaign: Campaign
    results: Results
    evidence: Evidence
    schema_version: int
    software: list[tuple[str, str]]
    study_yaml: str
    most_trials: int
    trials: Table
    caps: Table
    instances: Table
    hosts: Table

    @classmethod
    def of(cls, facts: PageFacts) -> Self:
        """The content for one page."""
        study, cells, labels = facts.study, facts.evidence.cells, facts.labels
        records = {record.id: record for record in facts.results.records}
        return cls(
            study=study,
            campaign=facts.results.campaign,
            results=facts.results,
            evidence=facts.evidence,
            schema_version=SCHEMA_VERSION,
            software=[("python", python_version()), *((name, version(name)) for name in _LIBRARIES)],
            study_yaml=yaml.safe_dump(study.model_dump(mode="json"), sort_keys=False, allow_unicode=True),
            most_trials=MOST_TRIALS_LISTED,
            trials=record_tables.trials_table(facts.evidence, labels),
            caps=record_tables.caps_table(cells, records, labels),
            instances=record_tables.instance_table(cells, records, labels),
            hosts=record_tables.host_table(facts.results),
        )


@dataclass(frozen=True)
class Limits(Section):
    """What the report does not claim."""

    id = "limits"
    nav = "What is not claimed"

    study: Study

    @classmethod
    def of(cls, facts: PageFacts) -> Self:
        """The content for one page."""
        return cls(facts.study)

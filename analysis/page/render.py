"""The report: evidence to one self-contained HTML page, the same bytes for the same records."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from urllib.parse import quote

import polars as pl
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from analysis import formatting
from analysis.checks.evidence import Evidence
from analysis.page import wording
from analysis.page.facts import PageFacts
from analysis.page.figure import PlacedFigure
from analysis.page.figures import FIGURES
from analysis.page.plots.drawing import Drawing
from analysis.page.plots.style import Drawn, palette
from analysis.page.section import Section
from analysis.page.sections import SECTIONS
from analysis.records.results import Results

TRIALS = "trials.csv"


@dataclass(frozen=True)
class RenderedReport:
    """The page, and beside it every figure and the table of trials as data."""

    page: str
    figures: tuple[Drawn, ...]
    trials: pl.DataFrame


def render(results: Results, evidence: Evidence, second: Executor, folder: str) -> RenderedReport:
    """The report of one campaign.

    Args:
        results: the campaign as it was read.
        evidence: the same, tabled and checked.
        second: the process that draws while this one computes.
        folder: name of the folder beside the page that holds the figures' files.
    """
    facts = PageFacts(results, evidence)
    drawing = Drawing(second)
    drawing.begin({figure.name: figure.sketch(facts) for figure in FIGURES if not figure.compares})
    sections = [section.of(facts) for section in SECTIONS]
    drawing.draw({figure.name: figure.sketch(facts) for figure in FIGURES if figure.compares})
    drawn = drawing.finished()
    placed = {
        figure.name: PlacedFigure(figure.caption, figure.absent, drawn[figure.name], quote(folder))
        for figure in FIGURES
    }
    page = _page(facts, sections, placed, f"{quote(folder)}/{TRIALS}")
    return RenderedReport(page, tuple(figure for figure in drawn.values() if figure), evidence.trials)


def _page(
    facts: PageFacts, sections: list[Section], figures: Mapping[str, PlacedFigure], trials_file: str
) -> str:
    environment = Environment(
        loader=PackageLoader("analysis.page"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["count"] = formatting.count
    bodies = [
        Markup(
            environment.get_template(f"sections/{row.id}.html.j2").render(
                row.values, figures=figures, trials_file=trials_file
            )
        )
        for row in sections
    ]
    results, evidence = facts.results, facts.evidence
    return environment.get_template("report.html.j2").render(
        study=facts.study,
        campaign=results.campaign,
        evidence=evidence,
        palette=palette(),
        completeness=wording.completeness(results, evidence.excluded.height),
        sections=sections,
        bodies=bodies,
    )

"""Every figure has axes that can be read, and a text for each of its points."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from campaigns import make_study, write_campaign
from counted_campaigns import counted, counted_on_server
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator

from analysis.notebook import Campaign
from analysis.page.facts import PageFacts
from analysis.page.figures import FIGURES
from analysis.page.plots.style import Sketch, picture, styled
from analysis.page.plots.ticks import log_ticks

LOAD = {
    "todos": {"users": 40, "warm_up_s": 3, "duration_s": 10},
    "bubble_sort": {"users": 4, "warm_up_s": 3, "duration_s": 10},
}
SERVICES = ["todos-go", "todos-python", "bubble_sort-go"]


def facts_of(folder: Path) -> PageFacts:
    source = Campaign(folder).source
    return PageFacts(source.results, source.evidence)


@pytest.fixture(scope="module", params=["counted", "server", "threads", "noisy"])
def facts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> PageFacts:
    folder = tmp_path_factory.mktemp(request.param) / "c"
    threads = [1, 4] if request.param == "threads" else [1]
    study = make_study(services=SERVICES, boots=3, threads=threads, load=LOAD)
    edit = {"counted": counted(), "server": counted_on_server}.get(request.param, lambda record: record)
    write_campaign(folder, study, edit=edit, between_boots=0.4 if request.param == "noisy" else 0.005)
    return facts_of(folder)


def sketches(facts: PageFacts) -> list[Sketch]:
    return [sketch for figure in FIGURES if (sketch := figure.sketch(facts))]


def ticks(axes: Axes, name: str) -> int | None:
    """How many labelled ticks are within the limits; None for an axis that names things."""
    axis = axes.xaxis if name == "x" else axes.yaxis
    low, high = sorted(axis.get_view_interval())
    texts = [text.get_text() for text in axis.get_ticklabels()]
    within = [place for place, text in zip(axis.get_majorticklocs(), texts, strict=True) if text]
    fixed = isinstance(axis.get_major_locator(), FixedLocator)
    if fixed and not any(re.match(r"[\d.,]+( %)?$", text) for text in texts):
        return None
    return sum(low <= place <= high for place in within)


def test_every_axis_has_three_ticks(facts: PageFacts) -> None:
    few = []
    for sketch in sketches(facts):
        with styled():
            figure = sketch.draw(*sketch.arguments)
            figure.canvas.draw()
            for axes in figure.axes:
                for name in ("x", "y"):
                    found = ticks(axes, name)
                    if found is not None and found < 3:
                        few.append((sketch.name, axes.get_title(loc="left"), name, found))
    assert few == []


def test_every_boot_and_ratio_has_a_text(facts: PageFacts) -> None:
    for sketch in sketches(facts):
        if sketch.name not in ("throughput", "first_answer", "ratios", "work"):
            continue
        inline, file = picture(*sketch.task)
        titles = re.findall(r"<title>(.*?)</title>", str(inline))
        if sketch.name == "throughput":
            values = sketch.data.filter(sketch.data["of"] == "ours")
            assert len(titles) == len(values) == 27 * len(facts.study.threads)
            assert sum(", boot 2: " in title for title in titles) == len(values) // 3
        elif sketch.name == "ratios":
            assert len(titles) == len(sketch.data)
            assert all(re.search(r": \d.*boots$", title) for title in titles)
        elif sketch.name == "work":
            drawn = sketch.data.filter(sketch.data["thousand instructions per request"] > 0)
            crosses = sketch.data.drop_nulls("study").n_unique("panel")
            assert len(titles) == len(drawn) + crosses
        assert titles == re.findall(r"<title>(.*?)</title>", file)


@pytest.mark.parametrize("low", [0.013, 0.9, 7.1, 96.0, 4321.0])
@pytest.mark.parametrize("factor", [1.01, 1.2, 1.7, 3.0, 30.0, 1e3, 1e7, 1e13])
def test_logarithmic_axes_have_three_ticks_and_few_enough(low: float, factor: float) -> None:
    found = log_ticks(low, low * factor)
    assert 3 <= len(found) <= 9
    assert found == sorted(set(found))
    assert low <= found[0] and found[-1] <= low * factor
    assert len({f"{tick:,.6g}" for tick in found}) == len(found)

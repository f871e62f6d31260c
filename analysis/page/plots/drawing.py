"""Figures drawn by another process, while this one computes."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor, Future

from markupsafe import Markup

from analysis.page.plots.style import Drawn, Sketch, picture


class Drawing:
    """Figures under way, by name; None where there is nothing to show."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._begun: dict[str, tuple[Sketch, Future[tuple[Markup, str]]] | None] = {}

    def begin(self, sketches: Mapping[str, Sketch | None]) -> None:
        """Have these drawn by the other process; what goes wrong there is raised by ``finished``."""
        for name, sketch in sketches.items():
            self._begun[name] = (sketch, self._executor.submit(picture, *sketch.task)) if sketch else None

    def draw(self, sketches: Mapping[str, Sketch | None]) -> None:
        """Draw these in this process, for it would only wait for the other."""
        for name, sketch in sketches.items():
            here: Future[tuple[Markup, str]] = Future()
            if sketch:
                here.set_result(picture(*sketch.task))
            self._begun[name] = (sketch, here) if sketch else None

    def finished(self) -> dict[str, Drawn | None]:
        """Every figure, once it is drawn."""
        return {
            name: Drawn(begun[0].name, *begun[1].result(), begun[0].data) if begun else None
            for name, begun in self._begun.items()
        }

"""Figures drawn by another process, while this one computes."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor, Future

from markupsafe import Markup

from analysis.figures.style import Drawn, Sketch, picture


class Drawing:
    """Figures under way, by name; None where there is nothing to show."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._begun: dict[str, tuple[Sketch, Future[tuple[Markup, str]]] | None] = {}

    def begin(self, sketches: Mapping[str, Sketch | None]) -> None:
        """Have these drawn; whatever their arguments raise is raised by ``finished``."""
        for name, sketch in sketches.items():
            self._begun[name] = (sketch, self._submit(sketch)) if sketch else None

    def finished(self) -> dict[str, Drawn | None]:
        """Every figure that was begun, once it is drawn."""
        return {
            name: Drawn(begun[0].name, *begun[1].result(), begun[0].data) if begun else None
            for name, begun in self._begun.items()
        }

    def _submit(self, sketch: Sketch) -> Future[tuple[Markup, str]]:
        # Without its data: a table belongs to the process that made it.
        return self._executor.submit(picture, sketch.name, sketch.title, sketch.draw, sketch.arguments)

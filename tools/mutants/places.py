"""The places of a module that can be mutated, and a random sample of mutants, by cosmic-ray's operators.

cosmic-ray is installed by `make mutants` only, so it is imported where it is used.
"""

from __future__ import annotations

import ast
import difflib
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

Position = tuple[int, int]  # line from 1, column from 0
Span = tuple[Position, Position]


@cache
def _operators() -> dict[str, Any]:
    """Operators without arguments; NoOp changes nothing."""
    import cosmic_ray.plugins

    return {
        name: operator()
        for name in sorted(cosmic_ray.plugins.operator_names())
        if not (operator := cosmic_ray.plugins.get_operator(name)).arguments() and name != "core/NoOp"
    }


@dataclass(frozen=True)
class Mutant:
    """One changed place of one module.

    Attributes:
        path: the module, relative to the project.
        operator: name of cosmic-ray's operator.
        occurrence: which of the operator's places in the module.
        line: line of the place, from 1.
    """

    path: str
    operator: str
    occurrence: int
    line: int

    def code(self, source: str) -> str:
        """The module's code with the change. Raises ValueError where the place is not in ``source``."""
        from cosmic_ray.mutating import mutate_code

        changed = mutate_code(source, _operators()[self.operator], self.occurrence)
        if changed is None:
            raise ValueError(f"{self.path}: {self.operator} has no place {self.occurrence}")
        return str(changed)

    def diff(self, source: str) -> str:
        """The changed lines, as a unified diff without context."""
        lines = difflib.unified_diff(source.splitlines(), self.code(source).splitlines(), n=0, lineterm="")
        return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))


def sample(paths: Iterable[Path], project: Path, size: int, seed: int) -> list[Mutant]:
    """``size`` mutants, or one of each place where there are fewer: places are drawn, then their changes.

    Each place is as likely, however many operators apply to it. The same code, size and seed give the same
    sample.
    """
    places: list[list[Mutant]] = []
    for path in sorted(paths):
        places += _places(str(path.relative_to(project)), path.read_text(encoding="utf-8"))
    chosen = random.Random(seed)
    drawn = chosen.sample(places, min(size, len(places)))
    return [chosen.choice(mutants) for mutants in drawn]


def _places(path: str, source: str) -> list[list[Mutant]]:
    from cosmic_ray.ast import ast_nodes, get_ast

    ignored = list(_annotations(source))
    found: dict[Span, list[Mutant]] = defaultdict(list)
    nodes = list(ast_nodes(get_ast(source)))
    for name, operator in _operators().items():
        spans = (span for node in nodes for span in operator.mutation_positions(node))
        for occurrence, (start, end) in enumerate(spans):
            if not any(first <= start and end <= last for first, last in ignored):
                found[start, end].append(Mutant(path, name, occurrence, start[0]))
    return [found[span] for span in sorted(found)]


def _annotations(source: str) -> Iterator[Span]:
    """Where annotations are; nothing evaluates them, so that no test could notice a change."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = node.args
            named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
            named += [item for item in (arguments.vararg, arguments.kwarg) if item]
            parts = [item.annotation for item in named] + [node.returns]
        elif isinstance(node, ast.AnnAssign):
            parts = [node.annotation]
        else:
            continue
        for part in filter(None, parts):
            yield (
                (part.lineno, part.col_offset),
                (part.end_lineno or part.lineno, part.end_col_offset or part.col_offset),
            )

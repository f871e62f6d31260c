"""A section of the page: typed content, and the template of the same name that shows it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

from analysis.page.facts import PageFacts


@dataclass(frozen=True)
class Section(ABC):
    """One ``<section>``: its fields are the names that ``templates/sections/ID.html.j2`` uses.

    Attributes:
        id: of the element, and of the template.
        nav: in the table of contents.
    """

    id: ClassVar[str]
    nav: ClassVar[str]

    @classmethod
    @abstractmethod
    def of(cls, facts: PageFacts) -> Self:
        """The content for one page."""

    @property
    def values(self) -> dict[str, Any]:
        """Every field by its name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

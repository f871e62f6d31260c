"""bubble_sort-python sorts a fresh descending list on each request."""

from __future__ import annotations

from typing import Any

import unilab_settings
from unilab_service import GetOnly, run

LENGTH = unilab_settings.integer("UNILAB_ARRAY_LENGTH", 20_000, 2, 1_000_000)


class Sort(GetOnly):
    """The sorted list's outline."""

    def get(self) -> dict[str, Any]:
        """Sort, and say how it went."""
        numbers = list(range(LENGTH, 0, -1))
        bubble_sort(numbers)
        return {
            "length": LENGTH,
            "first": numbers[0],
            "last": numbers[-1],
            "sorted": is_sorted(numbers),
        }


def bubble_sort(numbers: list[int]) -> None:
    """Sort in place by the plain algorithm, without an early exit: n*(n-1)/2 comparisons."""
    for end in range(len(numbers) - 1, 0, -1):
        for i in range(end):
            if numbers[i] > numbers[i + 1]:
                numbers[i], numbers[i + 1] = numbers[i + 1], numbers[i]


def is_sorted(numbers: list[int]) -> bool:
    """Look at each pair of neighbours."""
    return all(numbers[i] <= numbers[i + 1] for i in range(len(numbers) - 1))


if __name__ == "__main__":
    run("bubble_sort-python", {"/sort": Sort})

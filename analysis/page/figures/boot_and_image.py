"""Boot time and image size of every boot."""

from __future__ import annotations

from analysis.page.facts import PageFacts
from analysis.page.figure import Figure
from analysis.page.figures.dots_by_service import by_service
from analysis.page.plots.style import Sketch
from analysis.records.metrics import FIRST_ANSWER, IMAGE_SIZE


def _boot(facts: PageFacts) -> Sketch | None:
    return by_service(facts, FIRST_ANSWER, "figure")


def _image(facts: PageFacts) -> Sketch | None:
    return by_service(facts, IMAGE_SIZE, "figure")


BOOT = Figure(
    "boot",
    (
        "From the start command to the first right answer, by the host's own clock. One scale for "
        "all services."
    ),
    "No valid trial has a boot time yet.",
    _boot,
)

IMAGE = Figure(
    "image",
    (
        "The image as the platform was given it: stored, uncompressed. A disk holds its file "
        "system's free space too. Boots of equal images share a dot."
    ),
    "No valid trial has an image size yet.",
    _image,
)

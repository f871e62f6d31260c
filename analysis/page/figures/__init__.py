"""The figures of the page. A new one is a file here, with a ``Figure``, and one line in FIGURES."""

from analysis.page.figure import Figure
from analysis.page.figures import (
    boot_and_image,
    break_even,
    latency,
    memory,
    ratios,
    study,
    throughput,
    timeline,
    work,
)

FIGURES: tuple[Figure, ...] = (
    throughput.FIGURE,
    latency.FIGURE,
    memory.FIGURE,
    boot_and_image.BOOT,
    boot_and_image.IMAGE,
    timeline.FIGURE,
    *study.FIGURES,
    ratios.FIGURE,
    break_even.FIGURE,
    work.FIGURE,
)

"""A report on disk: the page, and beside it a folder with every figure as SVG and CSV."""

from __future__ import annotations

from pathlib import Path

from analysis.page.render import TRIALS, RenderedReport
from contracts.errors import InputError
from contracts.store.files import write_atomically


def figures_folder(path: Path) -> str:
    """Name of the folder beside the page at ``path`` that holds its figures' files."""
    return f"{path.stem}-figures"


def write_report(report: RenderedReport, path: Path) -> Path:
    """Write the figures' files, then the page at ``path``, each whole or not at all; return ``path``.

    The page is last: where it is, everything that it was made with is. Raises InputError.
    """
    if path.is_dir():
        raise InputError(path, "", "this is a folder", "give --output the path of a file")
    if path.exists() and not path.is_file():
        # A device, pipe or socket: the page would take its place.
        raise InputError(path, "", "this is not a regular file", "give --output the path of a file")
    folder = path.with_name(figures_folder(path))
    try:
        for figure in report.figures:
            write_atomically(folder / f"{figure.name}.svg", figure.file)
            write_atomically(folder / f"{figure.name}.csv", figure.data.write_csv())
        write_atomically(folder / TRIALS, report.trials.write_csv())
        write_atomically(path, report.page)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(path, "", f"cannot write: {reason}", "give --output another path") from None
    return path

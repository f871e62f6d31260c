"""OSv's own boot chart, which its kernel prints with ``--bootchart`` where its clock counts in time.

Lines as OSv's core/chart.cc prints them: ``\t<phase>: <ms since the first event>ms, (+<ms>ms)``. Under TCG
it prints none.
"""

from __future__ import annotations

import re

_LINE = re.compile(r"^\t(.+): (\d+\.\d\d)ms, \(\+(\d+\.\d\d)ms\)\r?$", re.MULTILINE)


def phases_ms(console: str) -> dict[str, float]:
    """Phase -> how long it took in milliseconds, in the order of the boot; empty where no chart is."""
    return {name: float(took) for name, _, took in _LINE.findall(console)}

"""What others published, as data: the study's claims, what contradicts what in it, and a repetition.

paper_claims.csv           every quantitative claim of Goethals et al., "Unikernels vs Containers: An In-Depth
                           Benchmarking Study in the context of Microservice Applications" (IEEE SC2 2018), by
                           section; the columns from ``measure`` on are ours: how this laboratory measures it,
                           and the tolerance that it is judged by
paper_inconsistencies.csv  26 findings on the study: claims that contradict each other, or cannot be checked
osv_maintainer_2019.csv    174 wrk runs with which OSv's maintainer repeated the study: the files under
                           test_results/ of github.com/wkozaczuk/unikernels-v-containers, one row per run
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import polars as pl


@cache
def read(name: str) -> pl.DataFrame:
    """The table ``name``.csv, every column as text."""
    content = files(__package__).joinpath(f"{name}.csv").read_bytes()
    return pl.read_csv(content, infer_schema=False)

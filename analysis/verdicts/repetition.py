"""OSv's maintainer's repetition of 2019 as evidence: his raw runs, through the same path as ours."""

from __future__ import annotations

import polars as pl

from analysis import reference
from analysis.checks import cells as check_cells
from analysis.checks.cells import Finding
from analysis.checks.evidence import Evidence
from analysis.checks.trials import ENDED, MEASURED, judge
from analysis.records.cells import CellKey, CellTrials
from analysis.records.tables import CELL_KEYS, TRIAL_SCHEMA

SOURCE = "OSv's maintainer, 2019"
_ARMS = {
    "docker": ("docker", "docker", "docker"),
    "qemu": ("osv-qemu", "osv", "qemu"),
    "OSv_qemu": ("osv-qemu", "osv", "qemu"),
    "OSv_firecracker": ("osv-firecracker", "osv", "firecracker"),
    "Linux_firecracker": ("linux-firecracker", "linux", "firecracker"),
}
_ARM_ORDER = ("docker", "linux-firecracker", "osv-firecracker", "osv-qemu")
_CAUTION = Finding(
    "runs",
    "caution",
    SOURCE,
    "his files do not say which runs share a boot, nor state connections, caps, bytes and boots; each run is "
    "taken for a boot, so where several share one these intervals are too short",
)


def repetition(client: str) -> Evidence:
    """His runs with the client on the same ``host`` or on a ``remote`` one."""
    trials = judge(_trials(client), (ENDED, MEASURED))
    groups = trials.partition_by(CELL_KEYS, as_dict=True, maintain_order=True)
    cells = tuple(
        sorted(
            (CellTrials(CellKey(*key), rows) for key, rows in groups.items()),
            key=lambda row: (row.cell.service, row.cell.threads, _ARM_ORDER.index(row.cell.arm)),
        )
    )
    findings = (_CAUTION, *check_cells.flat_ceiling(cells))
    return Evidence(f"{SOURCE}, client {client}", trials, cells, findings, {}, {})


def repetitions() -> list[Evidence]:
    """Both places of the client: they gave different results, and are never pooled."""
    return [repetition(client) for client in ("host", "remote")]


def _trials(client: str) -> pl.DataFrame:
    """His runs as a table of trials; what his files do not state is null."""
    runs = reference.read("osv_maintainer_2019").filter(pl.col("client_location") == client)
    names = ("arm", "runtime", "platform")
    known = runs.select(
        source=pl.lit(f"{SOURCE}, client {client}"),
        trial_id=pl.format("{}#{}", "source_file", "rep"),
        service=pl.format("todos-{}", "language"),
        workload=pl.lit("todos"),
        language="language",
        **{
            name: pl.col("runtime").replace_strict({key: row[place] for key, row in _ARMS.items()})
            for place, name in enumerate(names)
        },
        threads=pl.col("cpus").cast(pl.Int64),
        cpus=pl.col("cpus").cast(pl.Float64),
        end=pl.lit("completed"),
        loop=pl.lit("closed"),
        search=pl.lit(False),
        load_ends_by=pl.lit("duration"),
        requests=pl.col("requests").cast(pl.Int64),
        throughput_per_s=pl.col("requests_per_s").cast(pl.Float64),
        mean_response_ms=_milliseconds("lat_avg"),
        max_response_ms=_milliseconds("lat_max"),
        errors=pl.col("timeouts").cast(pl.Int64),
    )
    return pl.concat([pl.DataFrame(schema=TRIAL_SCHEMA), known], how="diagonal").with_columns(
        parameters=pl.lit("")
    )


def _milliseconds(column: str) -> pl.Expr:
    """wrk's times, such as 4.18ms, 212us or 1.94s."""
    value = pl.col(column).str.extract(r"^([\d.]+)").cast(pl.Float64)
    unit = pl.col(column).str.extract(r"([a-z]+)$")
    return value * unit.replace_strict({"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4})

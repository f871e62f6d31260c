"""What is compared between arms: one number per boot, with its unit."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from analysis.estimates.rank import samples_needed
from contracts.units import MIB
from contracts.work.counted import WorkPerRequest


@dataclass(frozen=True)
class Metric:
    """A quantity of a boot: an expression over the table of trials, null where the boot did not give it.

    Attributes:
        key: its name in commands and files.
        title, unit: as the page shows it.
        of_window: whether the measured window gives it, so that a window that is not steady biases it.
        of_time: whether it is a time or a rate, which an emulated CPU (TCG) does not measure.
        more_is_better: whether a larger value is the better one.
        of_count: whether it is a count that may be 0. Where a boot has 0 the cell has no geometric mean.
    """

    key: str
    title: str
    unit: str
    expression: pl.Expr
    of_window: bool = False
    of_time: bool = False
    more_is_better: bool = False
    of_count: bool = False

    def boots(self, trials: pl.DataFrame) -> tuple[list[int | None], list[float]]:
        """Block and value of every boot that gave one; nothing where no trial has the column."""
        if not set(self.expression.meta.root_names()) <= set(trials.columns):
            return [], []
        found = trials.select("block", value=self.expression.cast(pl.Float64)).drop_nulls("value")
        positive = found.filter(pl.col("value") > 0)
        if self.of_count and len(positive) < len(found):
            return [], []
        found = positive
        return found["block"].to_list(), found["value"].to_list()

    def counted(self, trials: pl.DataFrame) -> list[float]:
        """One value per boot that gave one, zero among them; nothing where no trial has the column."""
        if not set(self.expression.meta.root_names()) <= set(trials.columns):
            return []
        found = trials.select(value=self.expression.cast(pl.Float64)).drop_nulls("value")
        return found["value"].to_list()

    def values(self, trials: pl.DataFrame) -> list[float]:
        """One value per boot that gave one."""
        return self.boots(trials)[1]


# The study's two definitions of memory, by runtime: pages that a guest was given, and docker stats.
STUDY_MEMORY_KINDS = {"osv": "guest_touched", "linux": "guest_touched", "docker": "docker_stats"}
MEMORY_MOMENTS = ("idle", "loaded")
_MEMORY_NAMES = {
    "allocation": "assigned to the guest",
    "allocation_mean": "assigned to the guest, mean over the load",
    "anonymous": "container, anonymous pages only",
    "cgroup": "container, file cache included (memory.current)",
    "cgroup_peak": "container, peak (memory.peak)",
    "docker_stats": "container (docker stats)",
    "guest_reported": "in use, as the guest reports",
    "guest_touched": "guest pages in use (touched)",
    "hypervisor_process": "QEMU process on the host",
}


def right_answers() -> pl.Expr:
    """Right answers in the measured window."""
    return (pl.col("throughput_per_s") * pl.col("window_s")).round()


def memory_column(kind: str, when: str) -> str:
    """Where the table of trials holds memory of one kind at one moment."""
    return f"memory_{kind}_{when}_bytes"


def memory_metric(kind: str, when: str) -> Metric:
    """Memory of one kind at one moment: a metric of its own, so that kinds never meet."""
    column = memory_column(kind, when)
    title = f"Memory: {memory_name(kind)}, {when}"
    return Metric(column.removesuffix("_bytes"), title, "MiB", pl.col(column) / MIB)


def memory_name(kind: str) -> str:
    """What people call a kind of memory reading; the kind itself where it has no other name."""
    return _MEMORY_NAMES.get(kind, kind.replace("_", " "))


def instance_memory(when: str, trials: pl.DataFrame) -> Metric | None:
    """Memory of the host that an instance occupies, a guest or a container; None where no trial has it.

    The two kinds of the study: both count the pages of the host that the instance made it provide. A guest's
    are all that it has touched, its kernel and caches included; a container's are its cgroup's, less file
    cache that the kernel can drop at once. Each trial has the kind of its own runtime.
    """
    columns = [memory_column(kind, when) for kind in dict.fromkeys(STUDY_MEMORY_KINDS.values())]
    known = [column for column in columns if column in trials.columns]
    if not known:
        return None
    title = f"Memory that the instance occupies, {when}"
    return Metric(f"memory_instance_{when}", title, "MiB", pl.coalesce(known) / MIB)


def memory_kinds(trials: pl.DataFrame) -> list[tuple[str, str]]:
    """Every kind and moment of a memory reading in the table, sorted."""
    names = [
        column.removeprefix("memory_").removesuffix("_bytes")
        for column in trials.columns
        if column.startswith("memory_")
        and column.endswith("_bytes")
        and trials[column].null_count() < len(trials)
    ]
    return sorted((kind, when) for kind, _, when in (name.rpartition("_") for name in names))


def _response_metric(name: str) -> Metric:
    """A percentile of the response time; null where the boot has too few answers to bound it."""
    column = pl.col(f"{name}_response_ms")
    if name == "max":
        return Metric("max_response", "Longest response time", "ms", column, of_window=True, of_time=True)
    needed = samples_needed(float(name.removeprefix("p")))
    # Where the length of the window is not known, neither is the number of answers.
    enough = right_answers().fill_null(0) >= needed
    return Metric(
        f"{name}_response",
        f"{name} of response time",
        "ms",
        pl.when(enough).then(column),
        of_window=True,
        of_time=True,
    )


# In the open loop the throughput is the one that was asked for: no quantity of the arm.
_FOUND_BY_THE_ARM = (pl.col("loop") == "closed") | pl.col("search")

THROUGHPUT = Metric(
    "throughput",
    "Throughput",
    "requests/s",
    pl.when(_FOUND_BY_THE_ARM).then(pl.col("throughput_per_s")),
    of_window=True,
    of_time=True,
    more_is_better=True,
)
MEAN_RESPONSE = Metric(
    "mean_response", "Mean response time", "ms", pl.col("mean_response_ms"), of_window=True, of_time=True
)
RESPONSES = {name: _response_metric(name) for name in ("p50", "p90", "p98", "p99", "p99.9", "max")}
LONGEST_RESPONSE = RESPONSES["max"]
FIRST_ANSWER = Metric(
    "first_answer",
    "Boot time to the first right answer",
    "s",
    pl.col("first_answer_ms") / 1000,
    of_time=True,
)
IMAGE_SIZE = Metric("image_size", "Image size", "MiB", pl.col("image_bytes") / MIB)

# Counted work: columns of the table of trials (analysis.records.work), and how the page names them.
WORK_IDLE, WORK_BOOT = "work_idle_instructions_per_s", "work_first_answer_instructions"
_INSTRUCTIONS = {
    "instructions": "Instructions per request",
    "application": "Instructions of the application per request",
    "kernel": "Instructions of the kernel per request",
    "host": "Instructions of hypervisor and host per request",
}
_OTHER_TITLES = {
    "msr_writes": "MSR writes",
    "nested_entries": "Entries into the guest (VMRUN)",
    "port_io": "Port I/O",
    "tlb_invalidations": "TLB invalidations",
}


def work_column(name: str) -> str:
    """Where the table of trials holds a count per request, see contracts.work.counted.WorkPerRequest."""
    return f"work_{name}_per_request"


def _layer(name: str) -> pl.Expr:
    """A layer of contracts.work.counted.WorkLayers: beside a guest, the server's own parts are the host."""
    inside = pl.col(work_column("guest_application")).fill_null(0) > 0
    server = [pl.col(work_column(part)) for part in ("application", "kernel")]
    if name == "host":
        return pl.when(inside).then(server[0] + server[1]).when(server[0].is_not_null()).then(0.0)
    guest = pl.col(work_column(f"guest_{name}")).fill_null(0)
    return pl.when(inside).then(guest).otherwise(pl.col(work_column(name)))


def _work_metric(name: str) -> Metric:
    if name in _INSTRUCTIONS:
        value = pl.col(work_column(name)) if name == "instructions" else _layer(name)
        return Metric(
            f"{name}_per_request",
            _INSTRUCTIONS[name],
            "thousand",
            value / 1000,
            of_window=True,
            of_count=name == "host",
        )
    title = f"{_OTHER_TITLES.get(name, name.replace('_', ' ').capitalize())} per request"
    value = pl.col(work_column(name))
    return Metric(f"{name}_per_request", title, "1", value, of_window=True, of_count=True)


# Parts of a server's count that the layers above hold already.
_OF_LAYERS = {*_INSTRUCTIONS, "guest_kernel", "guest_application"}
WORK_METRICS = (
    *(_work_metric(name) for name in _INSTRUCTIONS),
    *(_work_metric(name) for name in WorkPerRequest.model_fields if name not in _OF_LAYERS),
    Metric("idle_instructions", "Instructions per idle second", "million/s", pl.col(WORK_IDLE) / 1e6),
    Metric("boot_instructions", "Instructions to the first right answer", "million", pl.col(WORK_BOOT) / 1e6),
)
WORK = WORK_METRICS[0]

# Every metric that is compared between arms, but for memory, whose kinds depend on the campaign. A metric
# that is added here is compared, printed and shown; contracts.study lists which may be a study's headline.
METRICS = (THROUGHPUT, MEAN_RESPONSE, *RESPONSES.values(), FIRST_ANSWER)


def metrics_of(trials: pl.DataFrame) -> list[Metric]:
    """Every metric that is compared between arms, memory by kind last. An image's size does not vary.

    Counts that no trial has are not among them.
    """
    work = [metric for metric in WORK_METRICS if metric.values(trials)]
    occupied = [metric for when in MEMORY_MOMENTS if (metric := instance_memory(when, trials))]
    kinds = [memory_metric(kind, when) for kind, when in memory_kinds(trials)]
    return [*METRICS, *work, *(metric for metric in occupied if metric.values(trials)), *kinds]

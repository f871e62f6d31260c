"""What is compared between arms: one number per boot, with its unit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from analysis.statistics import samples_needed
from contracts.trial import TrialRecord

_MIB = 1024**2


@dataclass(frozen=True)
class Metric:
    """A quantity of a boot. ``value`` is None where the boot did not give it."""

    key: str
    title: str
    unit: str
    value: Callable[[TrialRecord], float | None]

    def values(self, trials: Iterable[TrialRecord]) -> list[float]:
        """One value per boot, boots without one left out."""
        found = (self.value(trial) for trial in trials)
        return [value for value in found if value is not None and value > 0]


def right_answers(record: TrialRecord) -> int:
    """Right answers in the measured window; 0 where no load was made."""
    return round(record.load.throughput_per_s * record.load.window_s) if record.load else 0


def footprint_bytes(record: TrialRecord, kind: str, when: str) -> float | None:
    """Mean of the trial's readings of one kind at one moment, in bytes."""
    found = [row.bytes for row in record.footprints if (row.kind, row.when) == (kind, when)]
    return sum(found) / len(found) if found else None


def footprint_metric(kind: str, when: str) -> Metric:
    """Memory of one kind: a metric of its own, so that kinds never meet."""

    def value(record: TrialRecord) -> float | None:
        found = footprint_bytes(record, kind, when)
        return None if found is None else found / _MIB

    return Metric(f"memory_{kind}_{when}", f"Memory, {kind}, {when}", "MiB", value)


def _p99_ms(record: TrialRecord) -> float | None:
    if record.load is None or right_answers(record) < samples_needed(99):
        return None
    return record.load.percentiles_ms.get("p99")


def _throughput(record: TrialRecord) -> float | None:
    return record.load.throughput_per_s if record.load else None


def _mean_response_ms(record: TrialRecord) -> float | None:
    return record.load.mean_response_ms if record.load else None


def _first_answer_s(record: TrialRecord) -> float | None:
    return record.boot.first_answer_ms / 1000 if record.boot else None


def _image_mib(record: TrialRecord) -> float | None:
    return record.instance.image_bytes / _MIB if record.instance else None


THROUGHPUT = Metric("throughput", "Throughput", "requests/s", _throughput)
MEAN_RESPONSE = Metric("mean_response", "Mean response time", "ms", _mean_response_ms)
P99_RESPONSE = Metric("p99_response", "99th percentile of response time", "ms", _p99_ms)
FIRST_ANSWER = Metric("first_answer", "Boot time to the first right answer", "s", _first_answer_s)
IMAGE_SIZE = Metric("image_size", "Image size", "MiB", _image_mib)

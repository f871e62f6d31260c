"""What the analysis costs: ``python -m benchmarks.analysis samples|records``; README.md says more.

Each measured step runs in a process of its own, so that its CPU time and its largest memory are its alone.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.analysis import jmeter
from benchmarks.comparisons import missing_module, not_run

PROJECT = Path(__file__).resolve().parents[2]
SHARES = (0.5, 0.9, 0.99, 0.999, 0.9999, 1.0)
SAMPLES = 100_000_000
# JMeter takes many microseconds per sample and 70 bytes of text: its cost is measured on fewer, and scaled.
JMETER_SAMPLES = (500_000, 2_000_000)
CHUNK = 1 << 18
SEED = 20260105
COSTS = ("cpu_s", "wall_s", "megabytes")
PANDAS_REMEDY = "pip install --target .cache/pandas pandas, and set PYTHONPATH=.cache/pandas"


def main() -> int:
    """Run one benchmark, or one step of it in this process."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=[*STEPS, "samples", "records"])
    parser.add_argument("--samples", type=int, default=SAMPLES)
    parser.add_argument("--jmeter-samples", type=int, nargs=2, default=JMETER_SAMPLES, metavar="N")
    parser.add_argument("--records", type=int, nargs="+", default=[1250, 2500, 5000, 10_000])
    parser.add_argument("--rounds", type=int, default=3, help="of records: the cheapest one counts")
    parser.add_argument("--folder", type=Path, help="where to put the data (default: a temporary folder)")
    options = parser.parse_args()
    if options.what in STEPS:
        STEPS[options.what](options.folder)
        return 0
    with tempfile.TemporaryDirectory(prefix="unilab-benchmark-") as name:
        folder = options.folder or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        return (
            samples(folder, options.samples, options.jmeter_samples)
            if options.what == "samples"
            else records(folder, sorted(options.records), options.rounds)
        )


def samples(folder: Path, count: int, of_jmeter: Sequence[int]) -> int:
    """All quantiles of ``count`` response times, by our histogram, by pandas and by JMeter's report."""
    write_samples(folder / "samples.u32", count)
    missing = missing_module("pandas", PANDAS_REMEDY)
    found = {name: measured(name, folder) for name in ("ours", *([] if missing else ["pandas"]))}
    print(f"{count:,} response times (ns, uint32) to quantiles {SHARES}")
    for name, row in found.items():
        print(line_of(name, row))
    if missing:
        print(f"  {not_run('pandas', missing)}")
    by_jmeter(folder, count, of_jmeter)
    return 0


def by_jmeter(folder: Path, count: int, sizes: Sequence[int]) -> None:
    """JMeter's report of two smaller logs, and what ``count`` samples would cost on the line through them."""
    missing = jmeter.why_not()
    if missing:
        print(f"  {not_run('jmeter', missing)}")
        return
    costs = []
    for size in sorted(min(size, count) for size in sizes):
        jmeter.write_jtl(folder / "samples.u32", folder / "samples.jtl", size)
        row = measured("jmeter", folder)
        costs.append((size, float(row["cpu_s"])))
        print(line_of("jmeter", row))
    (few, less), (many, more) = costs
    if many > few:
        per_sample = (more - less) / (many - few)
        scaled = more + per_sample * (count - many)
        print(f"  jmeter   {scaled:6.0f} s CPU for {count:,}, scaled: {per_sample * 1e6:.2f} us each")


def line_of(name: str, row: dict[str, float | str]) -> str:
    """One line of the comparison."""
    return f"  {name:<8} {row['cpu_s']:6.2f} s CPU  {row['megabytes']:7.0f} MB  {row.get('result', '')}"


def records(folder: Path, sizes: Sequence[int], rounds: int) -> int:
    """Campaigns of several sizes to a report, the sizes in turn, and how the cost grows with the size."""
    print(f"trial records to a report, logs of 13 s each; the cheapest of {rounds} rounds")
    for size in sizes:
        write_records(folder / f"campaign-{size}", size)
    found: dict[int, list[dict[str, float | str]]] = {size: [] for size in sizes}
    for _ in range(rounds):
        for size in sizes:
            found[size].append(measured("report", folder / f"campaign-{size}"))
    costs = []
    for size, rows in found.items():
        cpu_s, wall_s, megabytes = (min(float(row[name]) for row in rows) for name in COSTS)
        costs.append((size, cpu_s))
        print(f"  {size:>6,}  {wall_s:6.2f} s  {cpu_s:6.2f} s CPU  {megabytes:5.0f} MB")
    for (few, less), (many, more) in pairwise(costs):
        print(f"  {few:,} to {many:,}: {(more - less) / (many - few) * 1000:.2f} ms CPU for each trial more")
    if len(costs) > 2:
        fixed_s, each_s, exponent = growth(costs)
        line = f"{fixed_s:.2f} s + {each_s * 1000:.2f} ms a trial"
        print(f"  CPU on a line: {line}; what grows does so as size ^ {exponent:.2f}")
    return 0


def growth(costs: Sequence[tuple[int, float]]) -> tuple[float, float, float]:
    """The line through costs in s by size (at zero, for one more), and the exponent p of a + b size^p.

    All by least squares; p of 0.5 to 2, in hundredths.
    """
    sizes, seconds = np.asarray(costs).T

    def fit(exponent: float) -> tuple[float, float, float]:
        powers = np.stack([np.ones_like(sizes), (sizes / sizes[-1]) ** exponent], axis=1)
        (fixed, grown), *_ = np.linalg.lstsq(powers, seconds, rcond=None)
        return float(np.sum((powers @ (fixed, grown) - seconds) ** 2)), float(fixed), float(grown)

    _, fixed_s, grown_s = fit(1)
    exponents: list[float] = np.arange(0.5, 2.01, 0.01).tolist()
    return fixed_s, float(grown_s / sizes[-1]), min(exponents, key=lambda exponent: fit(exponent)[0])


def measured(step: str, folder: Path) -> dict[str, float | str]:
    """Run one step as a process: CPU seconds, wall seconds, largest memory, and its result.

    Raises SystemExit, with the last line of its errors, where it fails.
    """
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks.analysis", step, "--folder", str(folder)]
    began = time.monotonic()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=PROJECT, check=False)
    wall_s = time.monotonic() - began
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise SystemExit(f"{step} failed with exit status {done.returncode}: {reason}")
    return json.loads(done.stdout.splitlines()[-1]) | {"wall_s": wall_s}


def print_cost(result: str = "") -> None:
    """Print the cost of this process and its children so far; memory is that of the largest."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu_s = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    cost = {"cpu_s": cpu_s, "megabytes": max(usage.ru_maxrss for usage in usages) / 1000, "result": result}
    print(json.dumps(cost))


def ours(folder: Path) -> None:
    """Our histogram over a file read in chunks."""
    from analysis.records import hdr

    found = hdr.of_samples(chunks(folder / "samples.u32")).quantiles(SHARES)
    print_cost(", ".join(f"{value / 1e6:.3f}" for value in found) + " ms")


def pandas(folder: Path) -> None:
    """The same by pandas, which holds all samples."""
    import pandas  # type: ignore[import-not-found,import-untyped,unused-ignore]

    series = pandas.Series(np.fromfile(folder / "samples.u32", dtype=np.uint32))
    found = series.quantile(list(SHARES), interpolation="lower")
    print_cost(", ".join(f"{value / 1e6:.3f}" for value in found) + " ms")


def report(folder: Path) -> None:
    """The whole command, from the folder to the page."""
    # As the command does: it only builds up and ends.
    gc.disable()
    from analysis.__main__ import main as analysis

    code = analysis(["report", str(folder)])
    assert code == 0, code
    print_cost()


def jmeter_report(folder: Path) -> None:
    """JMeter's report of the log in that folder."""
    print(json.dumps(jmeter.report(folder / "samples.jtl")))


def chunks(path: Path) -> Iterator[npt.NDArray[np.uint32]]:
    """Pieces of a file that fit the cache."""
    with path.open("rb") as stream:
        while len(chunk := np.fromfile(stream, dtype=np.uint32, count=CHUNK)):
            yield chunk


def write_samples(path: Path, count: int) -> None:
    """Lognormal response times about 2 ms with a heavy tail up to 4 s, in nanoseconds."""
    generator = np.random.default_rng(SEED)
    with path.open("wb") as stream:
        for start in range(0, count, CHUNK):
            size = min(CHUNK, count - start)
            values = 2e6 * np.exp(0.5 * generator.standard_normal(size, dtype=np.float32))
            slow = generator.random(size, dtype=np.float32) < 1e-3
            values[slow] *= 50
            np.minimum(values, 4e9).astype(np.uint32).tofile(stream)


def write_records(folder: Path, count: int) -> None:
    """A campaign of ``count`` trials in 18 cells, with one record and one log as patterns for all."""
    sys.path.insert(0, str(PROJECT / "tests" / "unit"))
    from campaigns import START, make_study, write_campaign  # type: ignore[import-not-found]

    pattern = folder.with_name(f"{folder.name}-pattern")
    services = [
        "todos-go",
        "todos-java",
        "todos-python",
        "bubble_sort-go",
        "bubble_sort-java",
        "bubble_sort-python",
    ]
    write_campaign(pattern, make_study(services=services, boots=1))
    study = make_study(services=services, boots=-(-count // 18))
    campaign = write_campaign(folder, study, finished=0)
    logs = {path.parent.name.split("-", 1)[1]: path for path in pattern.glob("trials/*/latency.hlog")}
    generator = np.random.default_rng(SEED)
    for number, trial in enumerate(campaign.trials[:count]):
        log = logs[trial.cell.slug].read_bytes()
        record = json.loads(logs[trial.cell.slug].with_name("trial.json").read_text())
        began = START + timedelta(minutes=number)
        luck = float(np.exp(generator.normal(0, 0.01)))
        record |= {"campaign": folder.name, "id": trial.id, "block": trial.block, "position": trial.position}
        record["study"] |= {"sha256": study.sha256}
        record |= {"started_at": stamp(began), "ended_at": stamp(began + timedelta(seconds=40))}
        record["load"]["throughput_per_s"] *= luck
        record["load"]["mean_response_ms"] /= luck
        target = folder / "trials" / trial.directory
        target.mkdir(parents=True)
        (target / "trial.json").write_text(json.dumps(record))
        (target / "latency.hlog").write_bytes(log)


def stamp(moment: datetime) -> str:
    """ISO 8601 with zone."""
    return moment.astimezone(UTC).isoformat()


STEPS = {"ours": ours, "pandas": pandas, "jmeter": jmeter_report, "report": report}

if __name__ == "__main__":
    sys.exit(main())

"""JMeter's own report, ``jmeter -g FILE -o FOLDER``, over the same response times: JMeter 3 or later."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
from pathlib import Path

import numpy as np

from benchmarks.comparisons import missing_program

REMEDY = (
    "name a JMeter of 3.0 or later by JMETER_HOME, or make one with Maven: "
    "mvn -q -f benchmarks/analysis/jmeter.xml package, then JMETER_HOME=.cache/jmeter"
)
# As JMeter's own start script sets it.
_HEAP = ("-Xms1g", "-Xmx1g", "-XX:MaxMetaspaceSize=256m")
_COLUMNS = (
    "timeStamp,elapsed,label,responseCode,responseMessage,threadName,success,bytes,"
    "grpThreads,allThreads,Latency,IdleTime,Connect"
)
_ROWS_AT_ONCE = 100_000
_FIRST_MS = 1_767_603_600_000


def why_not() -> str:
    """What is missing, and the remedy; "" where JMeter can run."""
    if not os.environ.get("JMETER_HOME"):
        return f"JMETER_HOME is not set. Remedy: {REMEDY}."
    if not _starter().exists():
        return f"{_starter()} does not exist. Remedy: {REMEDY}."
    return missing_program("java", "default-jre-headless")


def write_jtl(samples: Path, target: Path, count: int) -> None:
    """The first ``count`` samples (ns, uint32) as a JMeter log, in its unit, whole milliseconds."""
    with samples.open("rb") as source, target.open("w", encoding="ascii") as stream:
        stream.write(f"{_COLUMNS}\n")
        for start in range(0, count, _ROWS_AT_ONCE):
            values = np.fromfile(source, dtype=np.uint32, count=min(_ROWS_AT_ONCE, count - start))
            stream.writelines(
                f"{_FIRST_MS + (start + place) // 20},{value},todos,200,OK,users 1-{place % 40 + 1},true,"
                f"137,40,40,{value},0,0\n"
                for place, value in enumerate((values // 1_000_000).tolist())
            )


def report(log: Path) -> dict[str, float | str]:
    """Make the report of ``log`` in a folder beside it: CPU seconds, largest memory (MB), percentiles."""
    folder = log.with_suffix(".report")
    shutil.rmtree(folder, ignore_errors=True)
    command = ["java", *_HEAP, "-Djava.awt.headless=true", "-jar", str(_starter())]
    command += ["-d", str(_home()), "-g", str(log), "-o", str(folder)]
    command += ["-j", str(log.with_suffix(".log"))]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=log.parent)
    found = json.loads((folder / "statistics.json").read_text(encoding="utf-8"))["Total"]
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    percentiles = ", ".join(
        f"{found[name]:g}" for name in ("medianResTime", "pct1ResTime", "pct3ResTime", "maxResTime")
    )
    return {
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "megabytes": usage.ru_maxrss / 1000,
        "result": f"{percentiles} ms (p50, p90, p99, max) of {found['sampleCount']:,}",
    }


def _home() -> Path:
    return Path(os.environ["JMETER_HOME"]).resolve()


def _starter() -> Path:
    return _home() / "bin" / "ApacheJMeter.jar"

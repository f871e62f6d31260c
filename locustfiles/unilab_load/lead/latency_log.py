"""latency.hlog: the latencies of all processes, in HdrHistogram's log format V2.

Unit microseconds. StartTimestamp is seconds since the load's start, which the log's BaseTime and
StartTime give as seconds since 1970. Intervals of the warm-up carry the tag ``warm_up``, those after the
window ``after``; those of the window carry none, so that tools which omit tagged intervals show the
window alone.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from hdrh.log import HistogramLogWriter

from unilab_load.worker.interval import LoadInterval


class LatencyLog:
    """Writes one interval after another to ``path``."""

    def __init__(self, path: Path, started_at: datetime) -> None:
        self._stream = path.open("w", encoding="utf-8")
        self._log = HistogramLogWriter(self._stream)
        self._log.output_log_format_version()
        self._log.output_comment("[Unit: microseconds; tags: warm_up, after; the measured window has none]")
        epoch_s = started_at.timestamp()
        self._log.output_comment(
            f"[StartTime: {epoch_s:.6f} (seconds since epoch), {started_at.isoformat()}]"
        )
        self._log.output_base_time(epoch_s * 1000)
        self._log.output_legend()
        self._stream.flush()

    def write(self, interval: LoadInterval) -> None:
        """Append ``interval``, so that it is in the file when this returns."""
        if interval.phase != "window":
            # hdrh reads tags and does not write them.
            self._stream.write(f"Tag={interval.phase},")
        self._log.output_interval_histogram(
            interval.latencies, interval.start_s, interval.end_s, max_value_unit_ratio=1.0
        )
        self._stream.flush()

    def close(self) -> None:
        """Sync and close the file. A second call changes nothing."""
        if self._stream.closed:
            return
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()

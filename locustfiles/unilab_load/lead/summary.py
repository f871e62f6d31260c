"""Six lines at the end of a run: outcome, verdict, rate, percentiles, errors, where the histogram is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from unilab_load.lead.liveness import Ending
from unilab_load.lead.verdict import caution


def summary(ending: Ending, load: dict[str, Any] | None, errors: str, output: Path) -> list[str]:
    """Return the six lines. ``load`` is the record's part, ``errors`` describes those of the window."""
    rows = {"outcome": f"{ending.state}: {ending.why}" if ending.why else ending.state}
    if load is None:
        rows |= dict.fromkeys(("verdict", "rate", "percentiles"), "nothing was measured")
    else:
        caution_text = caution(load["generator"]["early_retransmits"])
        rows["verdict"] = load["verdict"] + (f" ({caution_text})" if caution_text else "")
        rows["rate"] = (
            f"{load['throughput_per_s']:.1f} requests/s: {load['requests']} right responses in "
            f"{load['window_s']:.1f} s by {load['users']} users"
        )
        rows["percentiles"] = ", ".join(
            f"{name} {value:.3f} ms" for name, value in load["percentiles_ms"].items()
        )
    rows["errors"] = errors
    histogram = output / "latency.hlog"
    rows["histogram"] = str(histogram.resolve()) if load is not None else f"none; see {output.resolve()}"
    return [f"{name + ':':13}{text}" for name, text in rows.items()]

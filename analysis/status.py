"""Where a campaign stands, in a few lines."""

from __future__ import annotations

from collections import Counter

from analysis.results import Results
from analysis.wording import completeness


def status_lines(results: Results) -> list[str]:
    """Lines for a terminal."""
    campaign = results.campaign
    ends = Counter(
        "valid" if not trial.excluded else _why(trial.record.end.state) for trial in results.trials
    )
    done = f"done     {len(results.trials)} of {len(campaign.trials)} trials"
    if ends:
        done += f" ({', '.join(f'{amount} {end}' for end, amount in sorted(ends.items()))})"
    return [
        f"campaign {campaign.name}, study {campaign.study.name}: {campaign.study.title}",
        done,
        f"to do    {len(results.to_do)}",
        f"not run  {len(results.not_run)}",
        *(f"  {row.arm}: {row.why}. Remedy: {row.remedy}" for row in campaign.not_run),
        completeness(results),
    ]


def _why(state: str) -> str:
    return "invalid" if state == "completed" else state

"""Where a campaign stands, in a few lines."""

from __future__ import annotations

from collections import Counter

from analysis.checks.evidence import Evidence
from analysis.page.wording import completeness
from analysis.records.results import Results


def status_lines(results: Results, evidence: Evidence) -> list[str]:
    """Lines for a terminal."""
    campaign = results.campaign
    ends = Counter(
        "valid" if not why_not else _why(end)
        for end, why_not in evidence.trials.select("end", "why_not").iter_rows()
    )
    done = f"done     {len(results.records)} of {len(campaign.trials)} trials"
    if ends:
        done += f" ({', '.join(f'{amount} {end}' for end, amount in sorted(ends.items()))})"
    return [
        f"campaign {campaign.name}, study {campaign.study.name}: {campaign.study.title}",
        done,
        f"to do    {len(results.to_do)}",
        *(f"  {row.arm} waits: {row.why}. Remedy: {row.remedy}" for row in results.waiting),
        f"not run  {len(results.not_run)}",
        *(f"  {row.arm}: {row.why}. Remedy: {row.remedy}" for row in campaign.not_run),
        completeness(results, evidence.excluded.height),
    ]


def _why(state: str) -> str:
    return "invalid" if state == "completed" else state

"""The sections of the page, in order. A new one is a class here, a template, and one line in SECTIONS."""

from analysis.page.section import Section
from analysis.page.sections import (
    answer,
    break_even,
    campaign,
    checks,
    claims,
    measurements,
    outcome,
    provenance,
    ratios,
)

SECTIONS: tuple[type[Section], ...] = (
    answer.Answer,
    outcome.Outcome,
    campaign.CampaignState,
    claims.Claims,
    checks.Checks,
    measurements.StudyFigures,
    measurements.Throughput,
    measurements.Work,
    measurements.Latency,
    measurements.Memory,
    break_even.BreakEven,
    measurements.Boot,
    ratios.Ratios,
    checks.Excluded,
    checks.Stability,
    measurements.Time,
    provenance.Principles,
    provenance.Provenance,
    provenance.Limits,
)

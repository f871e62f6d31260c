"""Tables of the page that are too long for it."""

from __future__ import annotations

from analysis.checks.cells import Finding
from analysis.page.tables import MOST_TRIALS_LISTED, findings_table


def test_findings_of_cells_come_first_and_the_table_has_an_end() -> None:
    trials = [Finding("steady", "caution", f"trial {number}", "too short") for number in range(1000)]
    cell = Finding("a/a", "excluded", "todos-go docker", "differs from itself")
    table = findings_table([*trials, cell])
    assert table.rows[0] == ["a/a", "excluded", "todos-go docker", "differs from itself"]
    assert len(table.rows) == MOST_TRIALS_LISTED + 1
    assert table.rows[-1][-1] == "and 701 more: python -m analysis check prints all"
    assert len(findings_table([cell]).rows) == 1

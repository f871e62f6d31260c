"""Records to tables, statistics and a report: ``python -m analysis``.

The data flow one way: records -> tidy tables -> checks -> estimates -> verdicts -> report. docs/method.md
explains each number, ``analysis.notebook`` is for notebooks.
Nothing here touches a host, and nothing here changes a record.
"""

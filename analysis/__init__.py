"""Records to tables, statistics and a report: ``python -m analysis``.

The data flow one way: records -> tidy tables -> checks -> estimates -> verdicts -> report. docs/method.md
says what each number means, ``analysis.notebook`` is the way in for a notebook.
Nothing here touches a host, and nothing here changes a record.
"""

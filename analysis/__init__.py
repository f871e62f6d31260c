"""Records to tables, statistics and a report: ``python -m analysis``.

The data flow one way: results -> histograms, compare, stability -> figures and tables -> report.
Nothing here touches a host, and nothing here changes a record.
"""

"""The report: tables, figures and words of one page."""

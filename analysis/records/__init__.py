"""A campaign's folder as values: records, histograms, tidy tables, cells and the metrics of a boot."""

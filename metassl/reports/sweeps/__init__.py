"""The report of a sweep: tables, comparisons, curves and maps of its runs."""

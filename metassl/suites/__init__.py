"""Suites: tables of published results, run again and compared."""

"""Suites of experiments that reproduce a table."""

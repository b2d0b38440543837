"""Data sets, tasks and suites of OpenML, of which a copy is kept in the layout of openml-python's cache.

`cache` reads such a copy, `fetching` adds to it through openml-python, `frames` makes a frame of a data set,
`suite` prepares many for the store, and `source` is what a config names.
"""

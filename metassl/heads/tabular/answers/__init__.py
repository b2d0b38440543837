"""Plain classifiers in closed form or a few steps, many tables at once.

Each says of a labelled row what it would have said without that row's label, so that one can see how far to
trust it.
"""

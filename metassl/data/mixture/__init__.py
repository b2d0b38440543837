"""Several data sets as one: each task is of one of them, under one of several styles."""

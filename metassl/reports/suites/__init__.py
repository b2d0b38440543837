"""The report of a suite: published results beside ours."""

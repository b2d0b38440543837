"""Reports of suites, beside published values."""

"""Many runs: sweeps, maps of pairs, suites."""

"""The meta-test and its intervals."""

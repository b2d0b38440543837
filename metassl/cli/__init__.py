"""The command line: checks before, and reports after. Imports nothing heavy at the top."""

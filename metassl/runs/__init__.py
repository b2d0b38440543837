"""The folder of a run: its config, how it ended, and reading what is in it."""

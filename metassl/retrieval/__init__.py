"""The metric between tasks: which tasks of the past a new one is like."""

"""Ways to adapt to a task."""

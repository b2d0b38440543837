"""Learners that keep a few trained starts of another learner, of which a task takes the one most like it."""

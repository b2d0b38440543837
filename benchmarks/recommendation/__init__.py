"""Recommendation to new users: learners of metassl beside the field's plain methods, on the same episodes."""

"""Learners that fit a closed-form head on features."""

"""Objectives that learn from the predictor's own opinion of U."""

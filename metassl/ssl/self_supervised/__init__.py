"""Objectives whose targets come from the inputs alone."""

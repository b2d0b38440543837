"""Labelled texts, turned into vectors once, so that episodes are vectors."""

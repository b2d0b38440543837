"""Norms, named by what they see."""

"""Objectives on a graph of S and U."""

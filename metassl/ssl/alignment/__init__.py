"""Objectives that bring U and the support together where they are of different domains."""

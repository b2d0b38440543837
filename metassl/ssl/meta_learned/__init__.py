"""Objectives with parts that the outer loop learns."""

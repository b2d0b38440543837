"""Hyper-parameter search for a pair: spaces in words, studies on Optuna, and what was found."""

"""Classifiers of features that are fitted in closed form."""

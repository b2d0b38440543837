"""Classifiers of scikit-learn as heads."""

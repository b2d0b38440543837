"""Learners whose networks read a task and write its parameters: θ = f(D)."""

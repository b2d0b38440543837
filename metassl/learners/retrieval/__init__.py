"""Learners that start from stored tasks that are like the new one."""

"""Objectives that model the inputs."""

"""Objectives that ask for equal predictions of changed inputs or by a slow average."""

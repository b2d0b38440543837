"""How the tasks of a meta-batch run."""

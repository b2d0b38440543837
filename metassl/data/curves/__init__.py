"""Tasks that are curves: a function of a family, to be told from a few of its points."""

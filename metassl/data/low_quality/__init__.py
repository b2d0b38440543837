"""Data as they come from the field: labels that are wrong, inputs that are damaged."""

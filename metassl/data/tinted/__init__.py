"""Families of tasks on the same pictures whose class rules conflict: letters by shape, by hue, and so on."""

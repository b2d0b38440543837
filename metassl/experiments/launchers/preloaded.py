"""What every worker needs, imported once by the process that workers are forked from."""

from metassl.quick_imports import quick_imports

with quick_imports():
    import metassl.training.final_test
    import metassl.training.run  # noqa: F401

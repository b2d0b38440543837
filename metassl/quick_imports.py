"""Torch and Lightning in half the time, for a command that begins with importing them."""

import atexit
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def quick_imports() -> Iterator[None]:
    """Saves what the imports in this block would waste: a search for garbage that isn't, and scipy.signal.

    Where torch has been imported before, nothing is done.
    """
    if "torch" in sys.modules:
        yield
        return
    with _collector_resting(), _scipy_unseen():
        yield


@contextmanager
def _collector_resting() -> Iterator[None]:
    """Python's collector would walk through all objects again and again while their number grows.

    Nor does it walk later through what this block has made (a walk takes half a second) until the process
    ends: then it may have them, or extensions would report them as leaked.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        atexit.register(gc.unfreeze)


@contextmanager
def _scipy_unseen() -> Iterator[None]:
    """Lightning imports torchmetrics, which asks whether scipy is there; in this block it hears no.

    It asks in order to import scipy.signal, which takes as long as a third of torch, and to give it back one
    old name (`scipy.signal.hamming`) that the package SRMRpy calls. All else of torchmetrics is what it would
    be: the answer is not kept, and who uses scipy imports it then.
    """
    from lightning_utilities.core import imports

    package, requirement = imports.package_available, imports.RequirementCache.__bool__

    def package_available(name: str) -> bool:
        return name != "scipy" and package(name)

    def met(self: imports.RequirementCache) -> bool:
        return self.requirement != "scipy" and requirement(self)

    optional: Any = imports
    optional.package_available, optional.RequirementCache.__bool__ = package_available, met
    try:
        yield
    finally:
        optional.package_available, optional.RequirementCache.__bool__ = package, requirement

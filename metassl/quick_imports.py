"""Torch and Lightning in half the time, for a command that begins with importing them."""

import atexit
import gc
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

UNSEEN = ("scipy", "transformers")


@contextmanager
def quick_imports() -> Iterator[None]:
    """Saves what the imports in this block would waste: a search for garbage that isn't, and libraries that
    torchmetrics brings for metrics that nothing here asks for.

    Where torch has been imported before, nothing is done.
    """
    if "torch" in sys.modules:
        yield
        return
    with _collector_resting(), _libraries_unseen():
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
def _libraries_unseen() -> Iterator[None]:
    """Lightning imports torchmetrics, which asks whether scipy and transformers are there; here it hears no.

    It asks for scipy in order to import scipy.signal, which takes as long as a third of torch, and to give it
    back one old name (`scipy.signal.hamming`) that the package SRMRpy calls; and for transformers, a second
    more, for scores of texts by language models. All else of torchmetrics is what it would be: the answer is
    not kept, and who uses these libraries imports them then.
    """
    from lightning_utilities.core import imports

    package, requirement = imports.package_available, imports.RequirementCache.__bool__

    def package_available(name: str) -> bool:
        return name not in UNSEEN and package(name)

    def met(self: imports.RequirementCache) -> bool:
        return _name(self.requirement) not in UNSEEN and requirement(self)

    optional: Any = imports
    optional.package_available, optional.RequirementCache.__bool__ = package_available, met
    try:
        yield
    finally:
        optional.package_available, optional.RequirementCache.__bool__ = package, requirement


def _name(requirement: str | None) -> str:
    """Of a package, without the versions that are asked for; torchmetrics asks for some by a module alone."""
    return re.split(r"[<>=!~ ]", requirement or "")[0]

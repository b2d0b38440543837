"""Quick imports: what a command skips, and that all is as it was afterwards."""

import subprocess
import sys

from tests.conftest import ROOT

PROGRAM = """
import gc, sys
from metassl.quick_imports import quick_imports
with quick_imports():
    assert not gc.isenabled()
    import pytorch_lightning
assert gc.isenabled() and gc.get_freeze_count() > 100_000
frozen = gc.get_freeze_count()
with quick_imports():  # the next job of a sweep: what the last one left behind must stay collectable
    assert gc.isenabled()
assert gc.get_freeze_count() <= frozen
assert "scipy.signal" not in sys.modules, "quick_imports no longer saves scipy.signal"
from torchmetrics.functional.audio.pit import _SCIPY_AVAILABLE
from lightning_utilities.core.imports import RequirementCache, package_available
assert _SCIPY_AVAILABLE and RequirementCache("scipy") and package_available("scipy")
assert not RequirementCache("no_such_package") and not package_available("no_such_package")
import scipy.signal
assert scipy.signal.windows.hamming(3).shape == (3,)
"""


def test_scipy_is_left_out_and_nothing_else_changes() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "leaked" not in done.stderr

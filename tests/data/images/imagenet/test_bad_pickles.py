"""Pickles that hold anything but arrays, or that are damaged: one line says which."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metassl.data.images.imagenet.safe_pickle import load
from metassl.errors import DataError
from tests.support.pickles import python3

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 3, 2, 3), dtype=np.uint8)
NAMED = {
    "os system": b"cos\nsystem\n(S'true'\ntR.",
    "builtins getattr": b"cbuiltins\ngetattr\n(cos\nsystem\nS'x'\ntR.",
    "builtins eval": b"cbuiltins\neval\n(S'1'\ntR.",
    "__builtin__ eval": b"c__builtin__\neval\n(S'1'\ntR.",
    "numpy.f2py compile": b"cnumpy.f2py\ncompile\n(S'x'\ntR.",
    "numpy load": b"cnumpy\nload\n(S'x'\ntR.",
    "numpy.core.multiarray ndarray.tofile": b"cnumpy.core.multiarray\nndarray.tofile\n.",
    "numpy._core.multiarray fromfile": b"cnumpy._core.multiarray\nfromfile\n(S'x'\ntR.",
    "no_such_module thing": b"cno_such_module\nthing\n.",
    "os getcwd": b"(ios\ngetcwd\n.",  # the instance opcode of Python 2
    "collections OrderedDict.fromkeys": b"\x80\x04\x8c\x0bcollections\x8c\x14OrderedDict.fromkeys\x93.",
    "copyreg _reconstructor": b"ccopyreg\n_reconstructor\n.",
}


@pytest.mark.parametrize("name", NAMED)
def test_any_other_global_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "x.pkl").write_bytes(NAMED[name])
    module, _, attribute = name.partition(" ")
    line = (
        f"'{tmp_path / 'x.pkl'}' is refused: it names '{module}.{attribute}', allowed are arrays of numbers"
    )
    with pytest.raises(DataError, match=re.escape(line)):
        load(tmp_path / "x.pkl")


RECORDS = np.zeros(2, dtype=[("a", "i4"), ("b", "f8")])


BAD_CONTENT: dict[str, tuple[Any, str]] = {
    "objects": (np.array([{}, 1], dtype=object), "is refused: it holds an array of dtype 'O8'"),
    "records": (RECORDS, "is refused: it holds an array of dtype 'V12'"),
    "raw bytes": (np.zeros(2, dtype="V8"), "is refused: it holds an array of dtype 'V8'"),
    "times": (np.zeros(2, dtype="M8[s]"), "is refused: it holds an array of dtype 'M8'"),
}


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("what", BAD_CONTENT)
def test_other_arrays_are_refused(tmp_path: Path, what: str, protocol: int) -> None:
    content, line = BAD_CONTENT[what]
    with pytest.raises(DataError, match=re.escape(line)) as caught:
        load(python3(tmp_path / "x.pkl", content, protocol))
    assert "\n" not in str(caught.value)


DTYPE = b"cnumpy\ndtype\n(S'u1'\nI00\nI01\ntR"


EMPTY = b"cnumpy._core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"


MADE_UP: dict[str, tuple[bytes, str]] = {
    "records by state": (DTYPE + b"(I3\nS'|'\nN(S'a'\nt(dI-1\nI-1\nI0\ntb.", "holds an array of records"),
    "more than its bytes": (
        EMPTY + b"(I1\n(I1000\nt" + DTYPE + b"I00\nS'ab'\ntb.",
        "shape and its bytes don't agree",
    ),
    "shape below 0": (EMPTY + b"(I1\n(I-2\nI-1\nt" + DTYPE + b"I00\nS'ab'\ntb.", "not a tuple of sizes"),
    "list for bytes": (EMPTY + b"(I1\n(I1\nt" + DTYPE + b"I00\n(lS'a'\natb.", "array of objects"),
    "a global is changed": (b"cnumpy\ndtype\n(N(dS'_make'\nI1\nstb.", "changes a global"),
    "an array is called": (b"cnumpy\nndarray\n(I5\ntR.", "calls 'numpy.ndarray'"),
    "persistent": (b"Px\n.", "persistent"),
}


@pytest.mark.parametrize("what", MADE_UP)
def test_made_up_states(tmp_path: Path, what: str) -> None:
    content, line = MADE_UP[what]
    (tmp_path / "x.pkl").write_bytes(content)
    with pytest.raises(DataError, match=re.escape(line)) as caught:
        load(tmp_path / "x.pkl")
    assert "\n" not in str(caught.value)
    assert load(python3(tmp_path / "y.pkl", IMAGES)).tolist() == IMAGES.tolist(), (
        "later files are read as ever"
    )


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_cut_short(tmp_path: Path, protocol: int) -> None:
    path = python3(tmp_path / "x.pkl", {"image_data": IMAGES, "class_dict": {"a": [0, 1, 2, 3]}}, protocol)
    whole = path.read_bytes()
    for length in range(0, len(whole) - 1, 7):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match=re.escape(f"'{path}' is ")) as caught:
            load(path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"hello, this is text\n", bytes(100), b"PK\x03\x04", b"\x89PNG\r\n\x1a\n"]
)
def test_no_pickle(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.pkl").write_bytes(content)
    with pytest.raises(DataError, match="is truncated, corrupt or no pickle: "):
        load(tmp_path / "x.pkl")


def test_missing_file(tmp_path: Path) -> None:
    for path in (tmp_path / "none.pkl", tmp_path):
        with pytest.raises(DataError, match=re.escape(f"'{path}' can't be read: ")):
            load(path)

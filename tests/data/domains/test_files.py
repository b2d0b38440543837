"""Domains as they lie on a disk, and what is refused of them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat
from sklearn.decomposition import PCA

from metassl.data.domains.arrays import DomainArrays
from metassl.data.domains.contents import domain_pool
from metassl.data.domains.files import DomainFiles
from metassl.data.domains.folder import DomainFolder
from metassl.data.domains.matlab import matlab_arrays
from metassl.data.domains.office_caltech import FILES, OfficeCaltech10
from metassl.data.domains.scaling import reduced, scaled
from metassl.data.preparing.checks import check
from metassl.data.store import load
from metassl.errors import ConfigError, DataError

RNG = np.random.default_rng(0)


def pictures(root: Path, tree: dict[str, dict[str, int]]) -> Path:
    """domain -> class -> how many; the grey of a picture says which it is."""
    for d, (domain, classes) in enumerate(tree.items()):
        for k, (name, count) in enumerate(classes.items()):
            (root / domain / name).mkdir(parents=True)
            for n in range(count):
                Image.new("L", (6, 6), 100 * d + 10 * k + n).save(root / domain / name / f"{n}.png")
    return root


def test_a_folder_of_domains_of_classes(tmp_path: Path) -> None:
    root = pictures(tmp_path / "root", {"art": {"cup": 2, "dog": 3}, "photo": {"cup": 4, "dog": 1}})
    contents = load(DomainFiles(root, size=4, channels=1), tmp_path / "cache", progress=False)
    check(contents)
    pool = domain_pool(contents, [1])
    assert (list(pool.domain_names), list(pool.class_names)) == (["art", "photo"], ["dog"])
    assert (pool.counts.tolist(), pool.starts.tolist()) == ([[3], [1]], [[2], [9]])
    assert contents.items[:, 0, 0, 0].tolist() == [0, 1, 10, 11, 12, 100, 101, 102, 103, 110]


def test_a_picture_that_changes_is_prepared_anew(tmp_path: Path) -> None:
    root = pictures(tmp_path, {"art": {"cup": 1, "dog": 1}, "photo": {"cup": 1, "dog": 1}})
    before = DomainFolder(root).fingerprint()
    assert DomainFolder(root).fingerprint() == before
    assert DomainFolder(root, uncommon="refuse").fingerprint() != before
    Image.new("L", (7, 7)).save(root / "art" / "cup" / "0.png")
    assert DomainFolder(root).fingerprint() != before


def test_classes_that_a_domain_lacks_are_left_out(tmp_path: Path) -> None:
    root = pictures(
        tmp_path, {"art": {"cup": 1, "dog": 1, "hat": 1}, "photo": {"cup": 1, "dog": 1, "hat": 0}}
    )
    contents = DomainFolder(root, size=4).read()
    assert contents.meta["classes"] == ["cup", "dog"]
    assert contents.meta["said"] == "2 domains, 2 of 3 classes in common"
    with pytest.raises(DataError) as caught:
        DomainFolder(root, size=4, uncommon="refuse").read()
    assert str(caught.value) == (
        f"'{root}': domain 'photo' has no class 'hat', which others have; all 2 domains have 2 of 3 classes in "
        "common; dataset.source.files.uncommon=leave_out takes those."
    )


@pytest.mark.parametrize(("tree", "line"), [
    ({"art": {"cup": 1}, "photo": {"dog": 1}}, "domain 'photo' has no class 'cup', which others have; all 2 domains have 0 of 2 classes in common, at least 2 are needed."),
    ({"art": {"cup": 1, "dog": 1}}, "found 1 domain, at least 2 are needed."),
    ({"art": {"cup": 1, "dog": 1}, "photo": {"cup": 0}}, "domain 'photo' has no rows, at least 1 of each class is needed."),
    ({"art": {"cup": 1}, "photo": {"cup": 1}}, "found 1 class, at least 2 are needed."),
])  # fmt: skip
def test_domains_that_share_too_little_are_one_line(tmp_path: Path, tree: dict, line: str) -> None:
    root = pictures(tmp_path, tree)
    with pytest.raises(DataError) as caught:
        DomainFolder(root).read()
    assert str(caught.value) == f"'{root}': {line}"


def test_a_file_that_is_no_picture_is_one_line(tmp_path: Path) -> None:
    root = pictures(tmp_path, {"art": {"cup": 1, "dog": 1}, "photo": {"cup": 1, "dog": 1}})
    (root / "art" / "cup" / "0.png").write_text("no")
    with pytest.raises(DataError, match=r"art/cup/0\.png' can't be read as a picture"):
        DomainFolder(root).read()


def saved(path: Path, **arrays: object) -> Path:
    np.savez(path, **arrays)
    return path


X, Y = RNG.normal(size=(12, 3)), np.tile([0, 0, 1, 1], 3)
DOMAIN = np.repeat(["a", "b", "c"], 4)


def test_one_file_of_all_domains(tmp_path: Path) -> None:
    contents = DomainFiles(saved(tmp_path / "all.npz", x=X, y=Y, domain=DOMAIN)).read()
    np.testing.assert_array_equal(contents.items, X.astype(np.float32))
    assert (contents.meta["domains"], contents.meta["classes"]) == (["a", "b", "c"], ["0", "1"])
    assert contents.counts.tolist() == [2] * 6


def test_a_file_a_domain_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "some").mkdir()
    for name in "abc":
        saved(tmp_path / "some" / f"{name}.npz", x=X[name == DOMAIN], y=Y[name == DOMAIN])
    one = DomainFiles(saved(tmp_path / "all.npz", x=X, y=Y, domain=DOMAIN), standardise="domain").read()
    each = DomainFiles(tmp_path / "some", standardise="domain").read()
    np.testing.assert_array_equal(one.items, each.items)
    assert one.class_names == each.class_names


def test_domains_of_different_widths_are_one_line(tmp_path: Path) -> None:
    saved(tmp_path / "a.npz", x=X[:4], y=Y[:4])
    saved(tmp_path / "b.npz", x=X[:4, :2], y=Y[:4])
    with pytest.raises(DataError) as caught:
        DomainFiles(tmp_path).read()
    assert str(caught.value) == (
        f"'{tmp_path}': domain 'a' has rows of float32 [3], 'b' of float32 [2]; allowed is one shape for all."
    )


@pytest.mark.parametrize(("arrays", "line"), [
    ({"x": X, "y": Y}, "array: found 'domain'. Allowed: x, y."),
    ({"x": X, "y": Y, "domain": DOMAIN[:3]}, "found 12 rows, 12 labels and 3 domains, needed is one of each for a row."),
    ({"x": X, "y": Y, "domain": np.repeat(1.5, 12)}, "array 'domain': found float64 [12], allowed are whole numbers or strings [n]."),
    ({"x": X.astype(object), "y": Y, "domain": DOMAIN}, "array 'x': found pickled objects, which could run code. Allowed are plain arrays of numbers or text."),
])  # fmt: skip
def test_wrong_arrays_are_one_line(tmp_path: Path, arrays: dict, line: str) -> None:
    path = saved(tmp_path / "all.npz", **arrays)
    with pytest.raises(DataError) as caught:
        DomainArrays(path).read()
    assert str(caught.value).removeprefix(f"'{path}'").lstrip(":, ") == line


@pytest.mark.parametrize("path", ["", "nowhere"])
def test_nothing_there_is_one_line(path: str) -> None:
    with pytest.raises(DataError, match=r"^dataset\.source\.files\.path: "):
        DomainFiles(path).fingerprint()


def test_row_sums_and_scores_by_hand() -> None:
    x = np.array([[1.0, 3.0], [1.0, 0.0], [0.0, 0.0]])
    np.testing.assert_allclose(scaled(x, "row_sum", "none"), [[0.25, 0.75], [1, 0], [0, 0]])
    z = scaled(np.array([[1.0, 5.0], [3.0, 5.0]]), "none", "domain")
    np.testing.assert_allclose(
        z, [[-(0.5**0.5), 0], [0.5**0.5, 0]], rtol=1e-6
    )  # deviation √2; a constant is 0
    np.testing.assert_array_equal(scaled(x[:1], "none", "domain"), [[0, 0]])


def test_components_are_those_of_all_rows() -> None:
    rows = {"a": X[:5], "b": X[5:]}
    found = reduced(rows, 2)
    expected = PCA(2).fit_transform(X)
    both = np.concatenate([found["a"], found["b"]])
    np.testing.assert_allclose(np.abs(both), np.abs(expected), rtol=1e-4, atol=1e-5)  # an axis has no sign
    assert reduced(rows, None)["a"] is rows["a"]
    with pytest.raises(ConfigError) as caught:
        reduced(rows, 4)
    assert str(caught.value) == ("dataset.source.files.components: found 4, 12 rows of 3 features have 3.")


def office(folder: Path, **changes: object) -> Path:
    """Four made files of 20 rows, the last of which is changed."""
    (folder / "office_caltech10").mkdir()
    for domain, name in FILES.items():
        arrays = {
            "fts": RNG.integers(0, 9, (20, 5), dtype=np.uint8),
            "labels": np.tile(np.arange(1, 11), 2)[:, None],
        }
        if domain == "webcam":
            arrays |= changes
        savemat(folder / "office_caltech10" / f"{name}_SURF_L10.mat", arrays)
    return folder


def test_files_of_matlab_are_read_and_standardised_by_domain(tmp_path: Path) -> None:
    contents = OfficeCaltech10(office(tmp_path)).read()
    check(contents)
    assert (contents.meta["domains"], contents.items.shape) == (
        ["amazon", "caltech", "dslr", "webcam"],
        (80, 5),
    )
    for k in range(4):
        rows = contents.items[20 * k : 20 * k + 20]
        np.testing.assert_allclose(rows.mean(0), 0, atol=1e-6)
        np.testing.assert_allclose(rows.std(0, ddof=1), 1, rtol=1e-5)


@pytest.mark.parametrize(("changes", "line"), [
    ({"fts": np.zeros((20, 4))}, "domain 'amazon' has rows of float32 [5], 'webcam' of float32 [4]"),
    ({"labels": np.zeros((20, 1))}, "found 20 rows of 5 features and 20 labels, expected are finite features and a label from 1 to 10"),
    ({"fts": np.zeros((2, 2, 2))}, "array 'fts': found double [2, 2, 2], allowed are numbers [rows, columns]."),
    ({"fts": np.array([["no"]], object)}, "array 'fts': found cell [1, 1], allowed are numbers [rows, columns]."),
])  # fmt: skip
def test_wrong_files_of_matlab_are_one_line(tmp_path: Path, changes: dict, line: str) -> None:
    with pytest.raises(DataError) as caught:
        OfficeCaltech10(office(tmp_path, **changes)).read()
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_or_broken_file_of_matlab_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"amazon_SURF_L10\.mat' doesn't exist: put the four \.mat files"):
        OfficeCaltech10(tmp_path).fingerprint()
    path = tmp_path / "broken.mat"
    for content in (b"", b"MATLAB 5.0 MAT-file" + bytes(200), RNG.bytes(4000)):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"broken\.mat'") as caught:
            matlab_arrays(path, ("fts",))
        assert "\n" not in str(caught.value)
    savemat(path, {"other": np.zeros((2, 2))})
    with pytest.raises(DataError, match="found the arrays other, 'fts' is needed"):
        matlab_arrays(path, ("fts",))


def test_a_truncated_file_of_matlab_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "some.mat"
    savemat(path, {"fts": RNG.normal(size=(50, 50))}, do_compression=True)
    whole = path.read_bytes()
    for kept in range(150, len(whole), 2500):
        path.write_bytes(whole[:kept])
        with pytest.raises(DataError, match=r"can't be read as a \.mat file|is needed"):
            matlab_arrays(path, ("fts",))

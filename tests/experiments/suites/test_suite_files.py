"""Suite files: what they say, and one line for what makes no sense."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from metassl.cli.suite_options import published_values, read_options
from metassl.errors import UserError
from metassl.experiments.suites.needed_runs import needed_tests, needed_trainings
from metassl.experiments.suites.suite_file import read_suite, suite_names
from tests.conftest import ROOT
from tests.support.composing import composed_once
from tests.support.suite_files import TEXT, write

SUITES = ROOT / "benchmarks" / "suites"


def test_entries(tmp_path: Path) -> None:
    suite = read_suite(write(tmp_path, TEXT), "mine")
    (table,) = suite.tables
    assert (suite.seeds, table.rows, table.columns) == ((0, 7), ("one", "two"), ("plain", "more"))
    assert [(e.experiment, e.weights, e.words) for e in table.entries] == [
        ("a/x", "a/x", ()),
        ("a/x", "a/x", ("episode.test.unlabelled=2",)),
        ("a/y", "a/x", ("ssl.at=test",)),
        ("a/z", "a/x", ("ssl.at=test", "episode.test.unlabelled=2")),
    ]
    assert [e.needs_test for e in table.entries] == [False, True, True, True]
    assert table.at("two", "more").experiment == "a/z"


def test_a_row_can_train_each_column_in_another_way(tmp_path: Path) -> None:
    both = TEXT.replace("one: {experiments: a/x}", "one: {experiments: a/x, train: [[b=1], [b=1, c=2]]}")
    (table,) = read_suite(write(tmp_path, both), "mine").tables
    plain, more = table.at("one", "plain"), table.at("one", "more")
    assert (plain.train, more.train) == (("b=1",), ("b=1", "c=2"))
    assert [run.name for run in needed_trainings([plain, more], [0, 7], [])] == [
        "a/x-b_1-0", "a/x-b_1-c_2-0", "a/x-b_1-7", "a/x-b_1-c_2-7",
    ]  # fmt: skip
    assert needed_trainings([more], [0], ["d=4"])[0].words == (
        "experiment=a/x",
        "seed=0",
        "d=4",
        "b=1",
        "c=2",
    )
    (test,) = needed_tests([plain, more], [0], [])
    assert test.weights == "a/x-b_1-c_2-0"
    assert test.words[-3:] == ("b=1", "c=2", "episode.test.unlabelled=2")
    again = both.replace("c=2]]}", "c=2]], words: [b=9]}")
    (test, _) = needed_tests(read_suite(write(tmp_path, again), "mine").tables[0].entries[:2], [0], [])
    assert test.words == ("experiment=a/x", "seed=0", "b=9")  # what the test says wins
    one = read_suite(write(tmp_path, both.replace("[[b=1], [b=1, c=2]]", "[b=1]")), "mine").tables[0]
    assert len(needed_trainings(one.entries[:2], [0], [])) == 1


def test_a_run_of_many_words_has_a_name_that_a_file_can_have(tmp_path: Path) -> None:
    """Runs that differ in the last word have names that differ, as have their tests; the seed stays readable."""
    many = ", ".join(f"some.key.of.the.training{k}=value" for k in range(20))
    text = TEXT.replace(
        "one: {experiments: a/x}", f"one: {{experiments: a/x, train: [[{many}, b=1], [{many}, b=2]]}}"
    )
    entries = read_suite(write(tmp_path, text), "mine").tables[0].entries[:2]
    plain, more = needed_trainings(entries, [7], [])
    assert plain.name != more.name
    assert plain.name.endswith("-7")
    (test,) = needed_tests(entries, [7], [])
    assert test.name.startswith(f"{more.name}/tests/")
    assert len(f"{test.name}.lock".replace("/", "__")) < 255


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("  - columns", "  - mean: plain\n    columns", "'mean' names a further column"),
        ("title: A table", "titel: A table", "key of a suite: found 'titel'. Did you mean 'title'?"),
        ("experiments: a/x", "experiment: a/x", "Did you mean 'experiments'?"),
        ("experiments: a/x", "weights: a/x", "found no 'experiments' in a row"),
        ("[a/y, a/z]", "[a/y]", "row 'two' has 1 experiments for 2 columns"),
        (
            "one: {experiments: a/x}",
            "one: {experiments: a/x, train: [[b=1]]}",
            "row 'one' has 1 lists in 'train'",
        ),
        ("seeds: [0, 7]", "seeds: []", "found no 'seeds' in a suite"),
        ("seeds: [0, 7]", "seeds: [0, 7", "can't be read"),
        ("one: {experiments: a/x}", "one: a/x", "a row is a mapping, found str"),
    ],
)
def test_a_slip_is_one_line(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in TEXT
    with pytest.raises(UserError) as caught:
        read_suite(write(tmp_path, TEXT.replace(old, new, 1)), "mine")
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "mine.yaml" in str(caught.value)


@pytest.fixture(scope="module")
def _composed_once() -> Iterator[None]:
    """Suites share experiments."""
    with composed_once():
        yield


@pytest.mark.usefixtures("_composed_once")
@pytest.mark.parametrize("name", suite_names(SUITES))
def test_every_suite_names_experiments_that_compose(name: str) -> None:
    """With the words of each column; and a row that is tested with other weights has no other network."""
    published = published_values(read_options([f"suite={name}"]))
    for stated in published.values():
        assert {"source", "tolerance"} <= set(stated)
        assert {"accuracy", "mse"} & set(stated)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "suite: has no default"),
        (["suite=ren2018_omnglot"], "suite: found 'ren2018_omnglot'. Did you mean 'ren2018_omniglot'?"),
        (
            ["suite=ren2018_omniglot", "rows=[supervized]"],
            "rows: found 'supervized'. Did you mean 'supervised'?",
        ),
        (["suite=ren2018_omniglot", "seeds=[x]"], "seeds: found 'x'"),
        (["suite=ren2018_omniglot", "steps=0"], "steps: found 0"),
        (["suite=ren2018_omniglot", "seed=1"], "allowed are rows=[...] and seeds=[...]"),
    ],
)
def test_a_word_that_makes_no_sense_is_one_line(words: list[str], expected: str) -> None:
    with pytest.raises(UserError) as caught:
        read_options(words)
    assert expected in str(caught.value)


def test_changed_runs_never_mix_with_the_committed_results(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    plain = read_options(["suite=ren2018_omniglot"])
    short = read_options(["suite=ren2018_omniglot", "steps=200", "rows=[soft_k_means,supervised]"])
    assert plain.results == Path("benchmarks", "results", "ren2018_omniglot")
    assert short.results.is_relative_to(short.out)
    assert short.out != plain.out
    assert short.out.is_relative_to(plain.out)
    assert {entry.row for entry in short.entries} == {"supervised", "soft k-means"}

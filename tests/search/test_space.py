"""Spaces in words: what each asks Optuna for, what a value is as a word, and one line for what is none."""

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from metassl.errors import ConfigError
from metassl.search.grammar import parse_space_words
from metassl.search.space import Parameter, parameter


def read(text: str) -> Parameter:
    return parameter(parse_space_words([f"a.b={text}"])[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("interval(0.1,10)", FloatDistribution(0.1, 10)),
        ("log_interval(1e-4,1)", FloatDistribution(1e-4, 1, log=True)),
        ("tag(log,interval(1e-4,1))", FloatDistribution(1e-4, 1, log=True)),
        ("int_interval(1,5)", IntDistribution(1, 5)),
        ("int(interval(1,5))", IntDistribution(1, 5)),
        ("tag(log,int_interval(1,64))", IntDistribution(1, 64, log=True)),
        ("range(1,6)", IntDistribution(1, 5)),
        ("range(2,10,3)", IntDistribution(2, 8, step=3)),
        ("range(5,0,-2)", IntDistribution(1, 5, step=2)),
        ("range(0.1,0.7,0.2)", FloatDistribution(0.1, 0.5, step=0.2)),
        ("choice(2,b,true,'c d')", CategoricalDistribution((2, "b", True, "c d"))),
        ("choice([backbone.],[head.])", CategoricalDistribution(("[backbone.]", "[head.]"))),
        ("0.1,1", CategoricalDistribution((0.1, 1))),
    ],
)
def test_what_a_word_asks_for(text: str, expected: object) -> None:
    assert read(text).distribution == expected


@pytest.mark.parametrize(
    ("text", "value", "word"),
    [
        ("interval(0.1,10)", 0.30000000000000004, "a.b=0.30000000000000004"),
        ("log_interval(1e-7,1)", 1.5e-07, "a.b=1.5e-07"),
        ("range(1,6)", 3, "a.b=3"),
        ("choice(2,b,true,'c d')", True, "a.b=True"),
        ("choice(2,b,true,'c d')", "c d", r"a.b=c\ d"),
        ("choice([x,y],[z])", "[x,y]", "a.b=[x,y]"),
    ],
)
def test_a_value_as_a_word_gives_itself_back(text: str, value: object, word: str) -> None:
    found = read(text)
    assert found.word(value) == word
    again = parse_space_words([word])[0].value()
    assert again == value or isinstance(again, list)
    assert type(again) is type(value) or isinstance(again, list)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("interval(3,1)", "bounds 3.0 and 1.0.*lower one first"),
        ("interval(1,1)", "one value"),
        ("log_interval(0,1)", "lower bound 0.0.*above 0"),
        ("tag(lgo,interval(1,2))", "found 'lgo'. Did you mean 'log'"),
        ("range(1,1)", "no value"),
        ("range(1,5,0)", "steps of 0"),
        ("tag(log,range(1,9,2))", "steps of 2"),
        ("choice(3)", "one value"),
        ("choice(1,b,true)", "1 and True are the same to the sampler"),
        ("log_intervall(1,2)", "Unknown function 'log_intervall'.*log_interval"),
        ("interval(1)", "missing a required argument: 'end'"),
    ],
)
def test_what_is_no_space_is_one_line(text: str, line: str) -> None:
    with pytest.raises(ConfigError, match=line) as caught:
        read(text)
    assert "\n" not in str(caught.value)


def test_a_grid_knows_all_values() -> None:
    assert read("range(0.1,0.7,0.2)").values == [0.1, 0.3, 0.5]
    assert read("int_interval(2,4)").values == [2, 3, 4]
    assert read("choice(a,b)").values == ["a", "b"]
    assert read("interval(0,1)").values is None

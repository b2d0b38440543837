"""A method looks the same in every picture, and methods beside one another look different."""

from itertools import product

from metassl.reports.looks import MODELS, OBJECTIVES, look_of


def test_a_look_is_of_the_names_alone_and_stays() -> None:
    """Written down: a change of these changes every picture that people know."""
    assert [look_of(*names).colour for names in (("maml", "none"), ("maml", "vat"), ("protonet", "none"))] == [
        "#0072B2", "#E69F00", "#D55E00",
    ]  # fmt: skip
    assert look_of("mine", "vat") == look_of("mine", "vat")
    assert look_of("\ud800", "<b>").colour.startswith("#")


def test_neighbours_differ() -> None:
    """Of any four neighbouring models with seven neighbouring objectives no two look alike."""
    for first, start in product(range(len(MODELS) - 3), range(len(OBJECTIVES) - 6)):
        pairs = product(MODELS[first : first + 4], OBJECTIVES[start : start + 7])
        assert len({look_of(*pair) for pair in pairs}) == 28

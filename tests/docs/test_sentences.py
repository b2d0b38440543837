"""First sentences and sources, as docstrings have them."""

import pytest

from metassl.docs.sentences import first_sentence, names_a_paper, source


@pytest.mark.parametrize(("text", "first"), [
    ("Adapts by steps. Source: X 2017.", "Adapts by steps."),
    ("Li et al. 2019 (LST), section 4.1: the k surest. More.", "Li et al. 2019 (LST), section 4.1: the k surest."),
    ("Zhou et al. 2004, eq. 3 to 5. Rest", "Zhou et al. 2004, eq. 3 to 5."),
    ("Two\nlines of it. And more", "Two lines of it."),
    ("No full stop here\n\nAnother paragraph.", "No full stop here"),
    ("See appendix B.9, i.e. the end. Then", "See appendix B.9, i.e. the end."),
    ("", ""),
])  # fmt: skip
def test_first_sentence(text: str, first: str) -> None:
    assert first_sentence(text) == first


@pytest.mark.parametrize(("docstring", "paper"), [
    ("Does it. Source: Finn et al. 2017, eq. 1\nand 2. There it differs.", "Finn et al. 2017, eq. 1 and 2."),
    ("Does it.\n\nSource: Lee 2013, eq. 15 (τ = 0);\nthe threshold of Sohn et al. 2020.\n\nArgs:\n    x: y.",
     "Lee 2013, eq. 15 (τ = 0); the threshold of Sohn et al. 2020."),
    ("Does it.\n\nSource: Snell et al. 2017\n\nArgs:\n    x: y.", "Snell et al. 2017"),
    ("Does it.", ""),
])  # fmt: skip
def test_source(docstring: str, paper: str) -> None:
    assert source(docstring) == paper


def test_a_paper_has_a_year() -> None:
    assert names_a_paper("Ren et al. 2018b, eq. 8")
    assert not names_a_paper("60,000 photographs, 1999000 pixels")

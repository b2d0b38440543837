"""What may stand in the file of a run that somebody else may have written."""

from pathlib import Path

import pytest

from metassl.errors import DataError
from metassl.runs.facts import check_facts

HERE = Path("results.json")


def test_numbers_texts_and_lists_of_them_can_stand_in_a_table() -> None:
    """As the shots of a test that draws them from a span."""
    check_facts(HERE, {"shot": [1, 10], "make_up": ["a", "b"], "way": 5, "gain": {"mean": 0.1, "ci95": None}})


@pytest.mark.parametrize("value", [[[1]], [{"a": 1}], [1e300], ["x" * 3000], 1e300])
def test_what_has_no_room_is_refused(value: object) -> None:
    with pytest.raises(DataError, match=r"^results.json: 'shot' is .*expected text, a number, a list"):
        check_facts(HERE, {"shot": value})

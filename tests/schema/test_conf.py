"""Every key of conf/ has a type, and every value there is of its type."""

from pathlib import Path
from typing import Any, get_args

import pytest

from metassl.norms.kinds import NORMS, Norm
from metassl.schema.check import check_config
from metassl.schema.groups.ssl import SSLKeys
from metassl.ssl.distractors import POLICIES
from metassl.ssl.term import AT, STEP_SCHEDULES
from tests.conftest import CONF
from tests.support.conf_trees import files, tree
from tests.support.declared import declared


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(CONF)))
def test_every_key_of_a_file_has_a_type_and_its_value_is_of_it(path: Path) -> None:
    """So a new option can't come without one: give its class's argument a type of metassl.schema.ranges."""
    values = tree(path)
    untyped = [each.key for each in declared(values) if each.hint in (None, Any)]
    assert not [key for key in untyped if key != "launcher"]  # which is no section of a run
    check_config(values)


def test_names_that_stand_in_the_schema_and_beside_what_they_mean_are_the_same() -> None:
    hints = SSLKeys.__annotations__
    assert set(get_args(hints["at"])) == set(AT)
    assert set(get_args(hints["step_schedule"])) == set(STEP_SCHEDULES)
    assert set(get_args(hints["distractors"])) == set(POLICIES)
    assert set(get_args(Norm)) == set(NORMS)

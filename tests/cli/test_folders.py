"""A folder that a command is to write to is looked at before anything is computed, and lists are not empty."""

from pathlib import Path
from typing import Any

import pytest

from metassl.cli.choices import chosen
from metassl.cli.folders import given_folder, made_folder
from metassl.cli.map import fill_map
from metassl.errors import ConfigError


@pytest.mark.parametrize("value", [3, None, ["a"], ""])
def test_what_is_no_path(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"^out: found .*, allowed is the path of a folder\.$"):
        given_folder("out", value)


def test_a_file_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(
        ConfigError, match=r"^out=.*: can't be written, '.*file' is read-only or no folder\.$"
    ):
        given_folder("out", str(tmp_path / "file" / "map"))
    with pytest.raises(ConfigError, match=r"^out=.*: can't be made \(.*\)\.$"):
        made_folder("out", tmp_path / "file" / "map")


def test_a_folder_that_is_still_to_be_made(tmp_path: Path) -> None:
    folder = made_folder("out", given_folder("out", str(tmp_path / "a" / "b")))
    assert folder.is_dir()


@pytest.mark.parametrize("empty", ["models=[]", "ssl=[]", "seeds=[]"])
def test_an_empty_list_is_one_line_and_makes_nothing(empty: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"^{empty.split('=')[0]}: found \[\], allowed is one or more\.$"):
        fill_map([f"out={tmp_path / 'map'}", empty])
    assert not list(tmp_path.iterdir())


def test_all_where_none_is_given() -> None:
    assert chosen("models", None, ["a", "b"]) == ["a", "b"]

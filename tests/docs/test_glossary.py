"""The glossary explains each word once and sends its reader to a file that exists."""

import re

from tests.conftest import ROOT

TEXT = (ROOT / "docs" / "glossary.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TEXT.splitlines()
    if line.startswith("| ")
]
ENTRIES = [row for row in ROWS if row[0] not in ("word", "---")]


def test_each_word_is_explained_once_in_sentences() -> None:
    words = [word for row in ENTRIES for word in row[0].split(", ")]
    assert len(words) == len(set(words)) > 50
    for word, meaning, _ in ENTRIES:
        assert meaning.endswith("."), word


def test_each_word_lives_where_it_says() -> None:
    for word, _, where in ENTRIES:
        path = re.fullmatch(r"`(metassl/[\w/.]+)`", where)
        assert path is not None, word
        assert (ROOT / path[1]).exists(), word

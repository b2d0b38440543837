"""What makes a study the study that it is: a command line of other words is another study."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from metassl.errors import DataError

# Words that say where something lies, how fast it runs or who is told, and change no trial.
NEUTRAL = ("paths.", "hydra.", "logger", "trainer.progress", "trainer.threads", "trainer.workers")


@dataclass(frozen=True)
class Definition:
    """What all trials of a study share.

    Attributes:
        words: of every trial, those that change no result left out.
        space: key -> its values as they were written, or are written in conf/search.
        seed: of the trainings, and of the sampler.
        sampler, pruner: by name.
        score: by which trials are compared.
    """

    words: tuple[str, ...]
    space: Mapping[str, str]
    seed: int
    sampler: str
    pruner: str
    score: str

    def record(self) -> dict[str, Any]:
        """As JSON holds it."""
        return json.loads(json.dumps(asdict(self)))

    def difference(self, found: Mapping[str, Any], where: str) -> str | None:
        """A line on the first thing in which a study that is there differs; None where it is this one.

        Args:
            found: its record.
            where: it is, for the line.
        """
        for what, theirs, ours in self._compared(found):
            if theirs != ours:
                return (
                    f"{where} holds a search with {what}={theirs}, wanted {what}={ours}. A search goes on "
                    "with its own words only; give another out=... or study=..."
                )
        return None

    def _compared(self, found: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
        """(what, what it is there, what it is here)."""
        for name in ("score", "sampler", "pruner", "seed"):
            yield name, found.get(name), getattr(self, name)
        theirs, ours = _by_key(found.get("words")), _by_key(self.words)
        spaces = _plain(found.get("space")), dict(self.space)
        for key in sorted({*spaces[0], *spaces[1], *theirs, *ours}):
            there = spaces[0].get(key, theirs.get(key, "its default"))
            yield key, there, spaces[1].get(key, ours.get(key, "its default"))


def changes_results(word: str) -> bool:
    """Whether a word changes what a trial finds."""
    return not word.lstrip("+~").startswith(NEUTRAL)


def _by_key(words: Any) -> dict[str, str]:
    if not isinstance(words, list | tuple):
        raise DataError("study: holds no list of words.")
    pairs = (str(word).partition("=") for word in words)
    return {key: value for key, _, value in pairs}


def _plain(space: Any) -> dict[str, str]:
    return {str(key): str(text) for key, text in space.items()} if isinstance(space, dict) else {}

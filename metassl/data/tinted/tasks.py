"""The source of tasks whose families look alike and differ in the rule of their classes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from metassl.data.builder import Sampler
from metassl.data.low_quality.wrong_labels import with_wrong_labels
from metassl.data.named import several_of
from metassl.data.pool import SPLITS, Contents, Source
from metassl.data.spec import EpisodeSpec, episode_spec
from metassl.data.task_source import TaskSource
from metassl.data.tinted.attributes import Attribute
from metassl.data.tinted.canvas import COLOURS
from metassl.data.tinted.levels import Levels, of_split
from metassl.data.tinted.midlines import Midlines
from metassl.data.tinted.painter import Painter
from metassl.data.tinted.refusals import check_enough, check_letters, check_make_up
from metassl.data.tinted.sampler import LANES, OF_LEVELS, FamilySampler
from metassl.outcomes.base import Outcome
from metassl.outcomes.classification import Classification
from metassl.schema.constructor import checked
from metassl.schema.ranges import Words
from metassl.tasks.spec import TaskSpec

SHAPE = "shape"  # the family of letters


class TintedGlyphs:
    """Tells letters apart by their shape or by their hue; which of the two, only unlabelled pictures say.

    Each picture is a letter in a hue of 24, ± a quarter of one. A task of the family `shape` has N letters,
    each picture in any hue; one of the family `hue` has N hues, each picture of any letter. One labelled
    picture a class fits both rules: in the support of a 1-shot task letters are all different, and so are
    hues. Further families go by how thick strokes are (`thickness`), how far a letter leans (`slant`) and how
    stripes behind it run (`texture`); with one of these, pictures of all families vary in it. The splits
    share neither letters nor levels of an attribute.

    Args:
        letters: where they come from: a source of grey pictures, with splits.
        kinds: name -> attribute, in the order in which they change a picture.
        families: names of those that tasks are drawn from, each as likely; "shape" is that of the letters.

    Raises:
        ConfigError: a family that there is not, or one twice.
    """

    @checked("dataset.source")
    def __init__(
        self, letters: Source, kinds: Mapping[str, Attribute], families: Words = (SHAPE, "hue")
    ) -> None:
        self.letters, self.kinds = letters, dict(kinds)
        self.families = several_of("dataset.source.families", families, [SHAPE, *self.kinds])

    def prepared(self, load: Callable[[Source], Contents]) -> TaskSource:
        """See metassl.data.task_source.PreparedTasks."""
        contents = load(self.letters)
        check_letters(contents.items)
        drawn_anew = any(self.kinds[name].reads_midlines for name in self.families if name != SHAPE)
        midlines = load(Midlines(self.letters)) if drawn_anew else None
        return TintedTasks(contents, self.kinds, self.families, midlines)


@dataclass(frozen=True)
class TintedTasks:
    """Draws tasks of the families; see metassl.data.task_source.TaskSource.

    Attributes:
        contents: of the letters.
        kinds, families: see TintedGlyphs.
        midlines: those of the letters, where a family reads them.
    """

    outcomes: ClassVar[tuple[type[Outcome], ...]] = (Classification,)
    reduced: ClassVar[bool] = False

    contents: Contents
    kinds: Mapping[str, Attribute]
    families: Sequence[str]
    midlines: Contents | None = None

    def make_ups(
        self, train: Mapping[str, Any], changes: Mapping[str, Any]
    ) -> tuple[EpisodeSpec, EpisodeSpec]:
        """See TaskSource."""
        specs = episode_spec(**train), episode_spec(**{**train, **changes}, prefix="episode.test")
        for spec, prefix in zip(specs, ("episode", "episode.test"), strict=True):
            check_make_up(spec, prefix)
        return specs

    def task_spec(self, train: EpisodeSpec, test: EpisodeSpec, outcome: Outcome) -> TaskSpec:
        """The widest way of both, the shape of a picture, and the classes of all families in training."""
        height, width = self.contents.items.shape[1:3]
        return TaskSpec(
            way=max(train.way.high, test.way.high),
            input_shape=(COLOURS, height, width),
            base_classes=sum(len(levels) for levels in self.levels("train") if levels.name in self.families),
            outcome=outcome,
        )

    def sampler(self, make_up: EpisodeSpec, seed: int, split: str, outer: bool) -> Sampler:
        """See TaskSource."""
        levels = self.levels(split)
        drawings = int(self.contents.counts.min())
        check_enough(levels, self.families, drawings if SHAPE in self.families else None, make_up, split)
        names, known = [each.name for each in levels], [SHAPE, *self.kinds]
        drawn = FamilySampler(
            levels,
            [names.index(name) for name in self.families],
            [known.index(name) for name in self.families],
            drawings,
            Painter(self.contents, [self.kinds[name] for name in names[1:]], self.midlines),
            make_up,
            seed,
            split,
            outer,
        )
        return with_wrong_labels(drawn, make_up.quality, seed, split)

    def levels(self, split: str) -> list[Levels]:
        """Letters and the levels of a split of each attribute that pictures vary in."""
        letters = np.asarray(self.contents.splits.get(split, ()), np.int64)
        found, first = [Levels(SHAPE, letters, 0, OF_LEVELS)], len(self.contents.counts)
        for k, (name, kind) in enumerate(self.kinds.items(), 1):
            if kind.always or name in self.families:
                found.append(Levels(name, of_split(kind.levels, split), first, OF_LEVELS + LANES * k))
            first += kind.levels
        return found

    def items(self) -> None:
        """None: each draw brings its own."""

    def description(self) -> str:
        """The families, with the levels of each in the splits."""
        sizes = [{levels.name: len(levels) for levels in self.levels(split)} for split in SPLITS]
        each = [f"{name} ({' / '.join(str(of[name]) for of in sizes)})" for name in self.families]
        return f"families {', '.join(each)}: classes for train / val / test"

"""The commands of `metassl`, a line each."""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from metassl.quick_imports import quick_imports


@dataclass(frozen=True)
class Command:
    """A command, and where it is; it is imported when it is asked for.

    Attributes:
        about: what it is for, in a few words.
        place: module:function. The function takes the words of the command line and may return an exit code;
            the module's docstring is the command's help.
        of_hydra: whether Hydra reads the command line. It then has its own help, and imports torch only when
            the line is right.
    """

    about: str
    place: str
    of_hydra: bool = False

    def help(self) -> str:
        """The docstring of its module, which is not imported for it: torch takes seconds."""
        spec = find_spec(self.place.split(":")[0])
        assert spec is not None
        assert spec.origin is not None
        return ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or ""

    def load(self) -> Callable[[list[str]], object]:
        """The function."""
        module, name = self.place.split(":")
        if self.of_hydra:
            return getattr(import_module(module), name)
        with quick_imports():
            return getattr(import_module(module), name)


COMMANDS: Mapping[str, Command] = MappingProxyType({
    "train": Command("meta-train and meta-test", "metassl.cli.train:train", of_hydra=True),
    "label": Command("label rows of a table, or pictures, that have no label", "metassl.cli.label:label"),
    "look": Command("see what a run's learner does, on one page", "metassl.cli.look:look"),
    "models": Command("the trained models that the package brings", "metassl.cli.models:list_models"),
    "export": Command("write a run's learner as a model to send to others", "metassl.cli.export:export"),
    "evaluate": Command("meta-test a finished run again", "metassl.cli.evaluate:evaluate_run"),
    "report": Command("tables and pictures of runs, sweeps, searches, suites", "metassl.cli.report:report"),
    "map": Command("every meta-learner with every objective", "metassl.cli.map:fill_map"),
    "search": Command("search hyper-parameters for a pair", "metassl.cli.search:search"),
    "benchmark": Command("run a suite of published results again", "metassl.cli.benchmark:run_suite"),
    "smoke": Command("does every pair run?", "metassl.cli.smoke:smoke"),
    "transfer": Command("compare distances between tasks on a run", "metassl.cli.transfer:compare_distances"),
})  # fmt: skip

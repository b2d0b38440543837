"""Takes the flags (`-m`, `--config-dir my_conf`) out of a command line; the rest are its words."""

from argparse import ArgumentParser, Namespace
from typing import NoReturn

from metassl.errors import ConfigError, one_of


def read_flags(arguments: list[str], parser: ArgumentParser) -> tuple[Namespace, list[str]]:
    """The flags, and the words, which may stand before, between and behind them.

    Args:
        arguments: of the command line.
        parser: knows the flags; it puts words into `overrides`, as Hydra's own does.

    Raises:
        ConfigError: an unknown flag, or one without its value.
    """
    found, rest = in_one_line(parser).parse_known_args(arguments)
    for word in rest:
        if word.startswith("-"):
            known = [name for action in parser._actions for name in action.option_strings]
            raise ConfigError(one_of("command line", word, known))
    return found, [*found.overrides, *rest]


def in_one_line(parser: ArgumentParser) -> ArgumentParser:
    """The parser, which now raises ConfigError for a mistake and prints no usage."""

    def refuse(message: str) -> NoReturn:
        raise ConfigError(f"command line: {message}")

    parser.error = refuse  # type: ignore[method-assign]
    return parser


def config_dir_parser() -> ArgumentParser:
    """For commands whose only flag is `--config-dir`."""
    parser = ArgumentParser(add_help=False)
    parser.add_argument("--config-dir", "-cd")
    parser.add_argument("overrides", nargs="*")
    return parser

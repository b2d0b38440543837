"""The door to all commands: `metassl`, `python -m metassl`, and the scripts of a checkout."""

import os
import sys

from metassl.cli.command import run_command
from metassl.cli.commands import COMMANDS
from metassl.errors import one_of

HELP = ("--help", "-h")


def main() -> int:
    """The console command; its exit code."""
    return run(sys.argv[1:])


def run(line: list[str]) -> int:
    """Does what a command line without the program's name says; the exit code."""
    if not line or line[0] in HELP:
        print(overview())
        return 0
    if line[0] == "--version":
        from importlib.metadata import version  # here, for it takes as long as all else

        print(f"metassl {version('metassl')}")
        return 0
    name, *words = line
    if name not in COMMANDS:
        print(f"error: {one_of('command', name, COMMANDS)}", file=sys.stderr)
        return 2
    command = COMMANDS[name]
    if not command.of_hydra and any(word in HELP for word in words):
        print(command.help())
        return 0
    see_own_modules()
    return run_command(lambda: command.load()(words))


def overview() -> str:
    """What there is to be called."""
    width = max(map(len, COMMANDS))
    rows = "\n".join(f"  {name:<{width}}  {command.about}" for name, command in COMMANDS.items())
    return (
        "usage: metassl COMMAND [OPTION=VALUE ...]\n\n"
        f"{rows}\n\n"
        "metassl COMMAND --help says more; metassl --version which version this is."
    )


def see_own_modules() -> None:
    """Classes in the current folder can be named in a config, as with `python -m`.

    The folder comes last, so that nothing in it hides an installed package; `python -P` leaves it out.
    """
    if not sys.flags.safe_path:
        sys.path.append(os.getcwd())

"""Where the files lie that come with the package and are no Python: configs, suites and weights."""

from pathlib import Path

PACKAGE = Path(__file__).parent


def conf_folder() -> Path:
    """The folder of the config groups: inside an installed package, beside it in a checkout.

    An editable install is a checkout.
    """
    return _installed_or("conf", PACKAGE.parent / "conf")


def suites_folder() -> Path:
    """The folder of the suites of published results."""
    return _installed_or("suites", PACKAGE.parent / "benchmarks" / "suites")


def _installed_or(name: str, checkout: Path) -> Path:
    installed = PACKAGE / name
    return installed if installed.is_dir() else checkout


def shipped_models() -> dict[str, Path]:
    """Name -> file of the weights that come with the package."""
    return {path.parent.name: path for path in sorted((PACKAGE / "models").glob("*/model.safetensors"))}

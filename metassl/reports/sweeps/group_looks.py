"""How the groups of a report look in its pictures."""

from collections.abc import Sequence

from metassl.reports.looks import STYLES, Look, look_of
from metassl.reports.sweeps.axes import Axis
from metassl.reports.sweeps.seed_groups import SeedGroup

METHOD = ("model", "ssl")


def looks_of(groups: Sequence[SeedGroup], axes: Sequence[Axis]) -> list[Look]:
    """The look of each group: its method's, or shades of one number where nothing else differs.

    Groups of one method that differ in other things have its colour, and lines of their own.

    Args:
        groups: to draw.
        axes: the things that they differ in.
    """
    if len(axes) == 1 and axes[0].numbers:
        from matplotlib import colormaps
        from matplotlib.colors import to_hex

        # viridis without its end, which vanishes on white
        last = len(axes[0].values) - 1
        shades = {value: to_hex(colormaps["viridis"](0.85 * k / last)) for k, value in enumerate(axes[0].values)}
        return [Look(shades[axes[0].of(group)], "-", "o") for group in groups]
    own = [look_of(group.model, group.ssl) for group in groups]
    others = [tuple(axis.of(group) for axis in axes if axis.key not in METHOD) for group in groups]
    variants = list(dict.fromkeys(others))
    methods = {(group.model, group.ssl) for group in groups}
    if len(variants) < 2 or len(methods) == len(groups):
        return own
    lines = [STYLES[variants.index(other) % len(STYLES)] for other in others]
    return [Look(look.colour, line, look.marker) for look, line in zip(own, lines, strict=True)]

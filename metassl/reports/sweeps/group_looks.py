"""How the groups of a report look in its pictures."""

from collections.abc import Sequence

from metassl.reports.looks import MARKERS, STYLES, Look, look_of, numbered_look
from metassl.reports.sweeps.axes import Axis
from metassl.reports.sweeps.seed_groups import SeedGroup

METHOD = ("model", "ssl")


def looks_of(groups: Sequence[SeedGroup], axes: Sequence[Axis]) -> list[Look]:
    """The look of each group: its method's, where that tells them apart.

    Groups of several methods that differ in other things, too, have paler colours of their method. Groups
    of one method have colours by what they differ in, those of a number from dark to bright.

    Args:
        groups: to draw.
        axes: the things that they differ in.
    """
    differ = [axis for axis in axes if axis.key not in METHOD]
    others = [tuple(axis.values.index(axis.of(group)) for axis in differ) for group in groups]
    variants = sorted(set(others))
    methods = list(dict.fromkeys((group.model, group.ssl) for group in groups))
    if len(variants) < 2 or len(methods) == len(groups):
        return [look_of(group.model, group.ssl) for group in groups]
    if len(methods) == 1:
        looks = _shades(len(variants)) if len(axes) == 1 and axes[0].numbers else None
        return [looks[variants.index(o)] if looks else numbered_look(variants.index(o)) for o in others]
    return [
        _paler(look_of(group.model, group.ssl), variants.index(other), len(variants))
        for group, other in zip(groups, others, strict=True)
    ]


def _shades(count: int) -> list[Look]:
    """Of a number, from small to large: viridis without its end, which vanishes on white."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return [
        Look(to_hex(colormaps["viridis"](0.85 * k / (count - 1))), "-", MARKERS[k % len(MARKERS)])
        for k in range(count)
    ]


def _paler(look: Look, place: int, count: int) -> Look:
    """A method's look for one of its variants: paler from one to the next, and in lines of their own."""
    from matplotlib.colors import to_hex, to_rgb

    share = 0.6 * (1 - (place + 1) / count)
    red, green, blue = (share + (1 - share) * part for part in to_rgb(look.colour))
    return Look(to_hex((red, green, blue)), STYLES[(count - 1 - place) % len(STYLES)], look.marker)

"""How much memory this machine has, and whether jobs fit into it."""

import os
from pathlib import Path

from metassl.errors import ConfigError

GB = 1e9
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")  # of a container


def check_memory(jobs: int, each: float) -> None:
    """Raises ConfigError where jobs need more memory than the machine has.

    Args:
        jobs: side by side.
        each: GB that one is expected to take.
    """
    found = machine_memory()
    if found is not None and jobs * each > found:
        raise ConfigError(
            f"jobs: found {jobs}, which need about {jobs * each:.3g} GB (launcher.memory={each:g} each). "
            f"This machine has {found:.3g} GB: allowed are up to {max(int(found / each), 1)}, or a smaller "
            "launcher.memory that you have measured."
        )


def machine_memory() -> float | None:
    """GB of this machine, or of the container that this is; None where the system does not say."""
    try:
        whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None
    limits = [Path(place).read_text().strip() for place in LIMITS if Path(place).is_file()]
    return min([whole, *(int(limit) for limit in limits if limit.isdigit())]) / GB

"""Runs on several devices: Lightning starts the command again for each, which only a single run bears."""

from omegaconf import DictConfig, ListConfig

from metassl.errors import ConfigError


def check_one_device(config: DictConfig) -> None:
    """Raises ConfigError where a run of many would use more than one device."""
    devices = config.trainer.devices
    one = len(devices) == 1 if isinstance(devices, ListConfig) else str(devices) == "1"
    if not one:
        raise ConfigError(
            f"trainer.devices: found {devices}; a run of many has one device, for Lightning starts the whole "
            "command again for each. Allowed are 1, or [number] of one of them; runs go side by side instead "
            "(jobs=, launcher=, hydra/launcher=)."
        )

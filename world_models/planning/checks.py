"""What numbers of planners must keep to."""

from ssl_objectives.refusal import ConfigError


def check_samples(num_samples: int, num_elites: int, iterations: int) -> None:
    """Refuse numbers of samples that cannot be planned with.

    Raises:
        ConfigError: says which number.
    """
    if not 1 <= num_elites <= num_samples:
        raise ConfigError(
            f"num_elites must be between 1 and num_samples ({num_samples}), not "
            f"{num_elites}"
        )
    if iterations < 1:
        raise ConfigError(f"iterations must be at least 1, not {iterations}")


def check_spread(std: float, min_std: float) -> None:
    """Refuse spreads that are none.

    Raises:
        ConfigError: says which number.
    """
    if not 0.0 <= min_std <= std or std == 0.0:
        raise ConfigError(
            f"std must be above 0, and min_std between 0 and std: not {std} and "
            f"{min_std}"
        )


def check_share(name: str, value: float) -> None:
    """Refuse what is no share in [0, 1).

    Raises:
        ConfigError: says which number.
    """
    if not 0.0 <= value < 1.0:
        raise ConfigError(f"{name} must be at least 0 and below 1, not {value}")


def check_above(name: str, value: float, least: float) -> None:
    """Refuse what is not above `least`.

    Raises:
        ConfigError: says which number.
    """
    if not value > least:
        raise ConfigError(f"{name} must be above {least:g}, not {value}")

"""Ranges of the numbers in configs."""


def check_least(config: object, least: int, *names: str) -> None:
    """Refuse a config with a number below its range.

    Raises:
        ValueError: names the field, its bound and its value.
    """
    for name in names:
        value = getattr(config, name)
        if not value >= least:  # NaN is not, either
            raise ValueError(f"{name} must be at least {least}, not {value}")

"""Counts of parts that are built one by one."""

MOST = 1_000
"""more is a slip of the keyboard: modules would fill all memory, one after another,
until the system ends the program without a word"""


def check_count(name: str, value: int, least: int = 1) -> None:
    """Refuse a count of parts that nobody means.

    Raises:
        ValueError: fewer than `least`, or more than `MOST`.
    """
    if value < least:
        raise ValueError(f"{name} must be at least {least}, not {value}")
    if value > MOST:
        raise ValueError(f"{name} must be at most {MOST:,}, not {value}")

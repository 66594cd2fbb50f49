"""Renderers by name, for flags: this file loads nothing."""

from enum import Enum


class Backend(Enum):
    """Renderers by name."""

    AUTO = "auto"
    RAY_CASTER = "ray-caster"
    NATIVE = "native"
    WARP = "warp"

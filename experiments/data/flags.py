"""Which flags of `curious import` are for which kind of source."""

from dataclasses import fields

from experiments.data.config import ImportConfig
from ssl_objectives.refusal import ConfigError

IMAGES, VIDEOS, NPZ, HDF5 = "images", "videos", "npz files", "HDF5 files"
MINARI, OURS = "a data set of Minari", "a data set of ours"
LEROBOT = "a LeRobot data set"

_ARRAYS = (NPZ, HDF5)
_FLAGS = {
    "sequence": (IMAGES,),
    "convert": (IMAGES,),
    "every": (VIDEOS,),
    "layout": _ARRAYS,
    "obs": (*_ARRAYS, MINARI, LEROBOT),
    "num_actions": _ARRAYS,
    "drop_final": _ARRAYS,
    "facts": (IMAGES, *_ARRAYS, MINARI, LEROBOT),
}
_INSTEAD = {
    ("sequence", NPZ): " Of arrays say --layout sequence.",
    ("sequence", HDF5): " Of arrays say --layout sequence.",
    ("layout", IMAGES): " Of images say --sequence, where they are frames of episodes.",
}


def check_flags(config: ImportConfig, kind: str) -> None:
    """Refuse what was asked for and would not be done.

    Args:
        config: what was asked for.
        kind: of its source; one of the names above.

    Raises:
        ConfigError: a flag has no meaning for that kind.
    """
    for name, kinds in _FLAGS.items():
        if _is_given(config, name) and kind not in kinds:
            raise ConfigError(
                f"{_typed(name)} has no meaning for {kind} ({config.source}). Leave it "
                f"out.{_INSTEAD.get((name, kind), '')}"
            )


def check_import_flags(config: ImportConfig) -> None:
    """Refuse flags of an import where a data set is read or exported as it is.

    Raises:
        ConfigError: one of them was given.
    """
    others = ("source", "out", "to_minari", "verify")
    target = "--verify" if config.verify else "--to-minari"
    for x in fields(config):
        if x.name not in others and _is_given(config, x.name):
            raise ConfigError(
                f"{_typed(x.name)} has no meaning beside {target}, which leaves the "
                "data set as it is. Leave it out, or import with --out first."
            )


def _is_given(config: ImportConfig, name: str) -> bool:
    default = next(x.default for x in fields(config) if x.name == name)
    return bool(getattr(config, name) != default)


def _typed(name: str) -> str:
    return "--no-facts" if name == "facts" else f"--{name.replace('_', '-')}"

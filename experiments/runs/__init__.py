"""What every run has: a folder, metrics, checkpoints, progress, an orderly end."""

from ssl_objectives.face import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)

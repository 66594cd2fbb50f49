"""Self-supervised objectives, encoders and targets; knows no env, action or reward."""

from ssl_objectives.face import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)

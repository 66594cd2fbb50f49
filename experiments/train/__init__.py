"""`curious train`: an agent in a world."""

from ssl_objectives.face import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)

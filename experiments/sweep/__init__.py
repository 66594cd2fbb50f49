"""`curious sweep`: a grid of runs, gone on with after anything."""

from ssl_objectives.face import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)

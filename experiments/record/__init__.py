"""`curious record`: what a policy sees and does, as a data set."""

from ssl_objectives.face import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)

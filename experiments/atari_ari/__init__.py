"""AtariARI's protocol: what of a game's memory can be read off an encoder's latents."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

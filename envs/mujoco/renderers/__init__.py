"""What draws MuJoCo scenes: our ray caster, MuJoCo's own renderer, Warp's."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

# Public names: for type checkers, and for lazy_loader in `__init__.py`.

from .backend import Backend as Backend
from .choose import Chosen as Chosen
from .choose import choose_renderer as choose_renderer
from .crowd import Crowd as Crowd
from .native.native import NativeRenderer as NativeRenderer
from .ray_caster.ray_caster import RayCaster as RayCaster
from .renderer import CannotDraw as CannotDraw
from .renderer import Lights as Lights
from .renderer import Picture as Picture
from .renderer import Poses as Poses
from .renderer import Renderer as Renderer
from .renderer import View as View
from .warp.warp import WarpRenderer as WarpRenderer

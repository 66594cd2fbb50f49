# Public names: for type checkers, and for lazy_loader in `__init__.py`.

from .config import EvaluateConfig as EvaluateConfig
from .evaluation import Evaluation as Evaluation
from .evaluation import evaluate as evaluate
from .evaluation import load_agent as load_agent

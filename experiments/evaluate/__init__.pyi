# Public names: for type checkers, and for `public_names` (ssl_objectives/face.py).

from experiments.evaluate.evaluation import EvaluateConfig as EvaluateConfig
from experiments.evaluate.evaluation import Evaluation as Evaluation
from experiments.evaluate.evaluation import evaluate as evaluate
from experiments.evaluate.evaluation import load_agent as load_agent

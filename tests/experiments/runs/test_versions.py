import json
import platform
import re
from pathlib import Path

import torch

from experiments.runs.versions import versions


def test_versions_are_those_of_this_process() -> None:
    known = versions()
    assert json.loads(json.dumps(known)) == known
    assert known["python"] == platform.python_version()
    assert known["packages"]["torch"] == torch.__version__
    assert known["packages"]["numpy"]
    assert known["torch_threads"] == torch.get_num_threads()
    assert len(known["gpus"]) == torch.cuda.device_count()
    assert known["cpu"]
    if (Path(__file__).parents[3] / ".git").exists() and known["git"]:
        assert re.fullmatch("[0-9a-f]{40}", known["git"]["commit"])
        assert known["git"]["dirty"] in (True, False)

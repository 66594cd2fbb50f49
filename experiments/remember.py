"""Have the help of all commands come without torch from now on: `make setup` runs it.

    python -m experiments.remember

Remembers the flags of `train`, `pretrain`, `train-model`, `picture`, `plan`, `record`,
`probe`, `watch` and `reward fit` for each choice they offer; what is asked for besides
is remembered when it is first asked. `experiments/config/remembered.py` says where. The
other commands need no memory.
"""

from experiments.model import command as model
from experiments.picture import command as picture
from experiments.plan import command as plan
from experiments.pretrain import command as pretrain
from experiments.probe import command as probe
from experiments.record import command as record
from experiments.reward import command as reward
from experiments.train import command as train
from experiments.watch import command as watch


def main() -> None:
    """Remember the flags of all commands whose flags depend on choices."""
    commands = train, pretrain, model, picture, plan, record, probe, watch, reward
    for command in commands:
        command.COMMAND.remember()


if __name__ == "__main__":
    main()

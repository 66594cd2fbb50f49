# Public names: for type checkers, and for lazy_loader in `__init__.py`.

from .diagnostics import diagnose_latents as diagnose_latents
from .dynamics import OfModel as OfModel
from .findings import Findings as Findings
from .findings import Reading as Reading
from .footage import Footage as Footage
from .images import OfImages as OfImages
from .mlp import Mlp as Mlp
from .probe import Probe as Probe
from .probe import Reader as Reader
from .probe import Tally as Tally
from .probing import Question as Question
from .probing import probe_latents as probe_latents
from .ridge import Ridge as Ridge
from .rows import Rows as Rows
from .softmax import Softmax as Softmax
from .split import split_episodes as split_episodes
from .standardised import Standardised as Standardised
from .subject import Latents as Latents
from .subject import Subject as Subject
from .tallies import Score as Score
from .tallies import estimates as estimates

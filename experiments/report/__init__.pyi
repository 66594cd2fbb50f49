# Public names: for type checkers, and for lazy_loader in `__init__.py`.

from .config import ReportConfig as ReportConfig
from .report import Report as Report
from .report import report as report

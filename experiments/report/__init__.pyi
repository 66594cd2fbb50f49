# Public names: for type checkers, and for lazy_loader in `__init__.py`.

from .report import Report as Report
from .report import ReportConfig as ReportConfig
from .report import report as report

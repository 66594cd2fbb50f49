# Public names: for type checkers, and for `public_names` (ssl_objectives/face.py).

from experiments.report.task import Report as Report
from experiments.report.task import ReportConfig as ReportConfig
from experiments.report.task import report as report

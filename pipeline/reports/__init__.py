"""What a run did, for the data team: an HTML page that works offline, and the short table the demo ends with.

Counts, times and states only: no person's value, and per area nothing under the disclosure threshold.
"""

from pipeline.reports.console import console_summary
from pipeline.reports.page import write_run_report

__all__ = ["console_summary", "write_run_report"]

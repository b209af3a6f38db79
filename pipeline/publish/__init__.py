"""The live database's writer: one run at a time, one transaction, the old night or the new one and never a mix."""

from pipeline.publish.link_state import write_link_state
from pipeline.publish.run import Run, latest_run, open_run
from pipeline.publish.summarise import write_summary
from pipeline.publish.write import publish

__all__ = ["Run", "latest_run", "open_run", "publish", "write_link_state", "write_summary"]

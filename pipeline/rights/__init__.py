"""Rights of data subjects (UK GDPR Articles 15 to 21) and retention.

What is decided stands in a ledger outside the database (`ledger`) and is carried out from there (`apply`), so that it
survives tomorrow's delivery and a restored backup. `suppressed` is what the ingest asks.
"""

from pipeline.rights.apply import keep_up
from pipeline.rights.shown import record
from pipeline.rights.suppressed import NOBODY, Suppressed, load_suppressed

__all__ = ["NOBODY", "Suppressed", "keep_up", "load_suppressed", "record"]

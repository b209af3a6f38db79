"""Rising involvement and the customer's journey: which families meet services more and more, and what happened when.

An alert is a reason to look, never a finding. All modules are pure (frames in and out) but `register`, which writes a
night into the live database, and `reading`, which reads for the commands.
"""

from pipeline.escalation.alert import Rising, find_rising
from pipeline.escalation.contacts import Contacts, count_contacts
from pipeline.escalation.declared import Escalation, Reader, TestSettings, load_escalation
from pipeline.escalation.night import Night, Watched, work_out
from pipeline.escalation.reading import declaration
from pipeline.escalation.register import record

__all__ = [
    "Contacts", "Escalation", "Night", "Reader", "Rising", "TestSettings", "Watched", "count_contacts", "declaration",
    "find_rising", "load_escalation", "record", "work_out",
]  # fmt: skip

"""Rising involvement and the customer's journey: which families meet services more and more, and what happened when.

An alert is a reason to look, never a finding. All modules are pure (frames in and out) but `live`, which reads and
writes the live database.
"""

from pipeline.escalation.alert import Rising, find_rising
from pipeline.escalation.contacts import Contacts, count_contacts
from pipeline.escalation.declared import Escalation, Reader, TestSettings, load_escalation

__all__ = [
    "Contacts", "Escalation", "Reader", "Rising", "TestSettings", "count_contacts", "find_rising", "load_escalation",
]  # fmt: skip

"""The log of what was done, and the proof that nobody changed it afterwards.

The chain is computed in the database (`audit.append`) and checked here, from the raw columns, by other code; what the
chain cannot show (a cut tail, a history written anew by somebody who may do everything) shows against checkpoints:
signed Merkle roots kept outside the database.
"""

from pipeline.audit.checkpoint import write_checkpoint
from pipeline.audit.findings import Finding, Verdict
from pipeline.audit.ledger import ledger_folder, public_key
from pipeline.audit.log import append
from pipeline.audit.proof import check_proof, prove
from pipeline.audit.roles import record_role_changes
from pipeline.audit.verify import verify
from pipeline.audit.witness import tell_witness

__all__ = [
    "Finding", "Verdict", "append", "check_proof", "ledger_folder", "prove", "public_key", "record_role_changes",
    "tell_witness", "verify", "write_checkpoint",
]  # fmt: skip

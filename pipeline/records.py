"""The shapes that stages hand to each other: names of columns, written once.

Each frame's grain and columns are declared here, so that a stage's docstring can name the shape. No behaviour
belongs here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the partner's kit is installed without it
    import pandas as pd

# --- The extract's tables that have a meaning of their own; every other table is evidence (see contracts). ---
PEOPLE = "people"
RESIDENCES = "residences"
RELATIONSHIPS = "relationships"
NOMINATIONS = "nominations"
ENCODINGS = "encodings"
REMOVALS = "removals"  # of a delta: person_ref of everybody who is gone

# --- Columns every delivered table carries beside its contract's own. ---
ROW = "row"  # line number in the partner's raw file (the header is line 1)
PROBLEM = "problem"  # reason code put there by the partner's kit ("date_form:start_date"), empty when clean

# --- Link stage -------------------------------------------------------------------------------------------
# RECORDS: one row per partner's record of a person, sorted by record_id.
#   record_id int64 · partner str · sex str|NA ("F", "M") · birth_month "YYYY-MM"|NA is NOT here (evaluating role)
#   nino, nhs_number, upn, pnc_id, uprn, address, postcode: int64 codes, -1 missing; equal code = equal token
#   fingerprint int64 (where the night may compare only what changed): equal while nothing that is compared changes
#   key_version int64 (where more than one stands): of the linkage key its tokens are under; 0: they were taken away
FINGERPRINT = "fingerprint"
KEY_VERSION = "key_version"
RECORD_TOKENS = ("nino", "nhs_number", "upn", "pnc_id", "uprn", "address", "postcode")
# ENCODINGS frame: one row per record and pass; arrays held in an EncodingBlockTable (see link.block).
#   record_id int64 · pass str · block int64 code · forename (64 bytes) · surname (64 bytes) · dob (3 x uint16)
# PAIRS: one row per candidate pair kept.
PAIR_COLUMNS = (
    "record_a", "record_b", "blocking_pass", "pattern", "weight", "probability", "decision",
)  # fmt: skip
DECISIONS = ("match", "possible", "non_match", "cut")
# CONTEXTS: one row per pair weighed with homes and relatives, or that these say cannot be one person (decision cut).
CONTEXT_COLUMNS = ("record_a", "record_b", "context", "bits", "probability", "decision")
# PERSON_MAP: one row per record: record_id int64 · person_id int64
# LEDGER: one row per change of a stable id: old_id · new_id · change ("merge" | "split" | "new" | "retired")

# --- Family stage -----------------------------------------------------------------------------------------
# PERSONS: one row per person: person_id · birth_month datetime64 (first of month) | NaT · sex str|NA · partners int
# RESIDENCE_SPELLS: person_id · place_id int64 · area str|NA · start_date · end_date (NaT = open) · partner
# RELATIONSHIP_SPELLS: person_id · related_person_id · relation · start_date · end_date · partner
#   relation reads "related_person is the <relation> of person"
RELATIONS = ("parent", "carer", "partner", "child", "sibling", "other")
# MEMBERS: one row per family, person and period:
MEMBER_COLUMNS = (
    "family_id", "person_id", "role", "start_date", "end_date", "reason", "confidence",
)  # fmt: skip
MEMBER_ROLES = ("adult", "child", "non_resident_parent", "associated")
# FAMILIES: one row per family:
FAMILY_COLUMNS = ("family_id", "kind", "place_id", "area", "adults", "children", "to_review", "review_reason")
FAMILY_KINDS = ("with_children", "adult_only")

# --- Criteria stage ---------------------------------------------------------------------------------------
# EVIDENCE: one row per dated fact:
EVIDENCE_COLUMNS = (
    "evidence_id", "person_id", "kind", "code", "role", "start_date", "end_date", "quantity", "out_of", "partner",
)  # fmt: skip
# COVERAGE: one row per (partner, kind): partner · kind · as_of datetime64 (period end of the last accepted
#   delivery) · fresh bool
# RESULTS: family_id · criterion · state · reason ;  DECISIVE: family_id · criterion · evidence_id
STATES = ("met", "not_met", "unknown")
# SELECTION: family_id · selected bool · state · criteria_met int · reason


@dataclass(frozen=True)
class LinkResult:
    """What linking hands on: scored pairs, the person map, the ledger of ids, cuts, and the model as estimated."""

    pairs: pd.DataFrame
    persons: pd.DataFrame
    ledger: pd.DataFrame
    blocking: pd.DataFrame  # blocking_pass · blocks · largest_block · candidate_pairs · dropped_blocks
    parameters: dict[str, Any]  # m, u and weight per comparison and level, prior, thresholds, model version
    state: Any = None  # link.LinkState: what the next night needs to compare only new and changed records
    contexts: pd.DataFrame | None = None  # CONTEXTS: what homes and relatives said of pairs


@dataclass(frozen=True)
class FamilyResult:
    """What forming families hands on."""

    families: pd.DataFrame
    members: pd.DataFrame
    ledger: pd.DataFrame


@dataclass(frozen=True)
class CriteriaResult:
    """What evaluating a pack hands on."""

    results: pd.DataFrame
    decisive: pd.DataFrame
    selection: pd.DataFrame

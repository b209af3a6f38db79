"""Declarations in `schemas/` as frozen objects, checked when loaded. No I/O but reading YAML; no data frames."""

from pipeline.contracts.agreement import (
    Agreement,
    Feed,
    Gateway,
    Refusal,
    agreement_for,
    load_agreements,
    load_gateways,
    refusal,
)
from pipeline.contracts.closed import Closed, load_closed
from pipeline.contracts.evidence import EvidenceKind, Vocabulary, load_vocabulary
from pipeline.contracts.extract import (
    Column,
    Contract,
    DeliveredColumn,
    EvidenceMapping,
    Table,
)
from pipeline.contracts.linkage import Comparison, Encoding, Level, LinkModel, load_encoding, load_link_model
from pipeline.contracts.loading import load_contract, load_contracts

__all__ = [
    "Agreement",
    "Closed",
    "Column",
    "Comparison",
    "Contract",
    "DeliveredColumn",
    "Encoding",
    "EvidenceKind",
    "EvidenceMapping",
    "Feed",
    "Gateway",
    "Level",
    "LinkModel",
    "Refusal",
    "Table",
    "Vocabulary",
    "agreement_for",
    "load_agreements",
    "load_closed",
    "load_contract",
    "load_contracts",
    "load_encoding",
    "load_gateways",
    "load_link_model",
    "load_vocabulary",
    "refusal",
]

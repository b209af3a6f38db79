"""Our own facet of a run: under which agreements, contracts and rules it stood (schemas/lineage/)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import attr
from openlineage.client.facet_v2 import RunFacet

FACET = "wholeFamily_governance"
SCHEMA = "urn:wholefamily:lineage:governance-run-facet:1"


@dataclass(frozen=True)
class Governance:
    """Agreements as id, version, expiry and partners; contracts as partner, version and sha256; versions of rules."""

    agreements: Sequence[Mapping[str, object]] = ()
    contracts: Sequence[Mapping[str, str]] = ()
    rules: Mapping[str, str] = field(default_factory=dict)


@attr.define
class GovernanceRunFacet(RunFacet):
    """The facet as OpenLineage's client writes it."""

    agreements: list[dict[str, object]]
    contracts: list[dict[str, str]]
    rules: dict[str, str]

    @staticmethod
    def _get_schema() -> str:
        return SCHEMA


def as_facet(governance: Governance) -> GovernanceRunFacet:
    return GovernanceRunFacet(
        agreements=[dict(one) for one in governance.agreements],
        contracts=[dict(one) for one in governance.contracts],
        rules=dict(governance.rules),
    )

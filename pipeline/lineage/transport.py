"""The ledger as a transport of the OpenLineage client, so that Airflow's own events pass the same gate as ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attr
from openlineage.client.serde import Serde
from openlineage.client.transport.transport import Config, Transport

from pipeline.lineage.ledger import append_event


@attr.define
class LedgerConfig(Config):
    """`path`: the ledger's file."""

    path: str

    @classmethod
    def from_dict(cls, params: dict[str, Any]) -> LedgerConfig:
        return cls(path=params["path"])


class LedgerTransport(Transport):
    """Writes every run event to the ledger; events of other kinds (a job or a dataset alone) are not kept."""

    kind = "wholefamily-ledger"
    config_class = LedgerConfig

    def __init__(self, config: LedgerConfig) -> None:
        self.path = Path(config.path)

    def emit(self, event: Any) -> None:
        document = Serde.to_dict(event)
        if "run" in document:
            append_event(self.path, document)

"""Payment by results: baselines, result tests, and what can be claimed for which family now. Pure: frames in and out.

The tests and the money are data (`schemas/tariffs/`); keeping cases, baselines and claims belongs in
`pipeline.casework`.
"""

from pipeline.claims.claimable import LINE_COLUMNS, claim_lines
from pipeline.claims.declared import TariffPack, financial_year, load_tariff_pack
from pipeline.claims.lineage import lineages
from pipeline.claims.result_tests import (
    BASELINE_COLUMNS,
    TEST_COLUMNS,
    TEST_EVIDENCE_COLUMNS,
    Measured,
    run_tests,
    take_baselines,
)

__all__ = [
    "BASELINE_COLUMNS",
    "LINE_COLUMNS",
    "TEST_COLUMNS",
    "TEST_EVIDENCE_COLUMNS",
    "Measured",
    "TariffPack",
    "claim_lines",
    "financial_year",
    "lineages",
    "load_tariff_pack",
    "run_tests",
    "take_baselines",
]

"""recordlinkage's own classifier on the same candidate pairs: what the link model is measured against, never used."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from recordlinkage import ECMClassifier

from pipeline.contracts.linkage import LinkModel
from pipeline.link.block import Encodings, pair_index
from pipeline.link.compare import Patterns
from pipeline.link.walk import scan, values_of


def ecm_links(
    records: pd.DataFrame, encodings: Encodings, model: LinkModel
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of record ids that recordlinkage's ECM takes for one person: all passes' pairs at once, binary agreement
    (first level or not), missing as disagreement, as that classifier has it."""
    records = records.sort_values("record_id", ignore_index=True)
    values = values_of(records, encodings, model)
    record_ids = values.record_ids
    found = [chunk for held in encodings.passes.values() for chunk in scan(held, values, model)]
    pairs = np.stack([np.concatenate([getattr(c, side) for c in found]) for side in ("position_a", "position_b")])
    _, first = np.unique(pairs[0] * len(records) + pairs[1], return_index=True)
    levels = Patterns(model.comparisons).decode(np.concatenate([chunk.pattern for chunk in found])[first])
    names = [comparison.name for comparison in model.comparisons]
    agree = pd.DataFrame(levels == 0, columns=names, index=pair_index(records.index, pairs[0, first], pairs[1, first]))
    varied = agree.loc[:, agree.nunique() > 1].astype(int)
    links = ECMClassifier().fit_predict(varied)
    return record_ids[np.asarray(links.get_level_values(0))], record_ids[np.asarray(links.get_level_values(1))]

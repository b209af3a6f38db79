"""Precision, recall and F1, defined once."""

from __future__ import annotations

from typing import Any


def rates(hits: int, predicted: int, true: int) -> dict[str, Any]:
    """Precision, recall and F1 from counts; None where there is nothing to divide by.

    Precision = hits / predicted, recall = hits / true, F1 = 2 hits / (predicted + true).
    """
    return {
        "precision": hits / predicted if predicted else None,
        "recall": hits / true if true else None,
        "f1": 2 * hits / (predicted + true) if predicted + true else None,
        "true_positives": hits,
        "predicted": predicted,
        "true": true,
    }

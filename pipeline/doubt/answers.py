"""People's answers about pairs, as they stand: the latest of a pair counts, and one may take an earlier one back."""

from __future__ import annotations

import pandas as pd

from pipeline.link.answers import DIFFERENT, SAME, settle

ANSWER_COLUMNS = ["record_a", "record_b", "answer"]


def answers_in_force(answers: pd.DataFrame | None) -> pd.DataFrame:
    """record_a, record_b, answer (same or different), one row per pair; `answers` in order of time, the latest last."""
    if answers is None or answers.empty:
        empty = pd.DataFrame(columns=ANSWER_COLUMNS)
        return empty.astype({"record_a": "int64", "record_b": "int64", "answer": object})
    settled = settle(answers)
    rows = [(a, b, SAME) for a, b in settled.same] + [(a, b, DIFFERENT) for a, b in settled.different]
    frame = pd.DataFrame(rows, columns=ANSWER_COLUMNS)
    return frame.astype({"record_a": "int64", "record_b": "int64", "answer": object})

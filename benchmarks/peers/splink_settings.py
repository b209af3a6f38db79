"""Splink's settings by dataset: its own examples for FEBRL 4, FEBRL 3 and historical_50k, and a model in the same
manner for a borough's registers. Sources: docs/demos/examples/duckdb of the Splink project (MIT), version 5.

Each gives `settings` (blocking rules and comparisons), rules for the prior with their assumed recall, the rules within
which m is learnt, and SQL that adds the columns those need.
"""

from __future__ import annotations

from dataclasses import dataclass

import splink.comparison_level_library as cll
import splink.comparison_library as cl
from splink import block_on

MAX_PAIRS = 1e7  # for u; Splink's advice for real work


@dataclass
class Model:
    blocking_rules: list
    comparisons: list
    certain_rules: list
    certain_recall: float
    training_rules: list
    extra_columns: str = ""


def febrl(link_only: bool) -> Model:
    rules = [
        block_on("forename", "surname"),
        "l.forename = r.surname and l.surname = r.forename",
        block_on("date_of_birth"),
        block_on("soc_sec_id"),
        block_on("state", "street"),
        block_on("street_number", "street"),
        block_on("postcode"),
    ]
    if not link_only:
        rules += [block_on("forename"), block_on("surname")]
    comparisons = [
        cl.NameComparison("forename").configure(term_frequency_adjustments=True),
        cl.NameComparison("surname").configure(term_frequency_adjustments=True),
        cl.DateOfBirthComparison(
            "date_of_birth", input_is_string=True, datetime_format="%Y%m%d", invalid_dates_as_null=True
        ),
        cl.DamerauLevenshteinAtThresholds("soc_sec_id", [1, 2]),
        cl.ExactMatch("street_number").configure(term_frequency_adjustments=True),
        cl.DamerauLevenshteinAtThresholds("postcode", [1, 2]).configure(term_frequency_adjustments=True),
    ]
    return Model(
        blocking_rules=rules,
        comparisons=comparisons,
        certain_rules=[block_on("soc_sec_id"), block_on("forename", "surname", "date_of_birth")],
        certain_recall=0.8 if link_only else 0.9,
        training_rules=[block_on("date_of_birth"), block_on("postcode")],
    )


def historical_50k(wide: bool) -> Model:
    model = Model(
        blocking_rules=[
            block_on("substr(forename,1,3)", "substr(surname,1,4)"),
            block_on("surname", "date_of_birth"),
            block_on("forename", "date_of_birth"),
            block_on("postcode", "forename"),
            block_on("postcode", "surname"),
            block_on("date_of_birth", "birth_place"),
            block_on("substr(postcode,1,3)", "date_of_birth"),
            block_on("substr(postcode,1,3)", "forename"),
            block_on("substr(postcode,1,3)", "surname"),
            block_on("substr(forename,1,2)", "substr(surname,1,2)", "substr(date_of_birth,1,4)"),
        ],
        comparisons=[
            cl.ForenameSurnameComparison("forename", "surname", forename_surname_concat_col_name="both_names"),
            cl.DateOfBirthComparison("date_of_birth", input_is_string=True),
            cl.PostcodeComparison("postcode"),
            cl.ExactMatch("birth_place").configure(term_frequency_adjustments=True),
            cl.ExactMatch("occupation").configure(term_frequency_adjustments=True),
        ],
        certain_rules=[
            block_on("forename", "surname", "date_of_birth"),
            block_on("substr(forename,1,2)", "surname", "substr(postcode,1,2)"),
            block_on("date_of_birth", "postcode"),
        ],
        certain_recall=0.6,
        training_rules=[block_on("forename", "surname"), block_on("date_of_birth")],
        extra_columns=", forename || ' ' || surname as both_names, split_part(postcode, ' ', 1) as district",
    )
    if wide:  # blocking about as wide as our passes, chosen so that its F1 gains (all of ours lower it)
        model.blocking_rules += [
            block_on("date_of_birth"),
            block_on("postcode"),
            block_on("forename", "birth_place"),
            block_on("surname", "birth_place"),
            block_on("surname", "substr(date_of_birth,1,4)"),
            block_on("surname", "substr(date_of_birth,5,6)"),
            block_on("surname", "occupation"),
            block_on("birth_place", "substr(date_of_birth,1,4)"),
            block_on("birth_place", "district"),
            block_on("district", "occupation"),
        ]
    return model


def borough(fields: set[str], with_places: bool) -> Model:
    """Names, date of birth, sex, postcode and identifiers of a borough's registers.

    The best of nine variants tried at the threshold 0.95: a comparison of the whole address, and names compared apart,
    each link more families into one person (F1 0.970 and 0.972 on the borough of 20,000; this one 0.982).
    """
    identifiers = [name for name in ("nino", "nhs_number", "upn", "pnc_id") if name in fields]
    comparisons = [
        cl.ForenameSurnameComparison("forename", "surname", forename_surname_concat_col_name="both_names"),
        cl.DateOfBirthComparison("date_of_birth", input_is_string=True),
        cl.ExactMatch("sex"),
        cl.PostcodeComparison("postcode"),
        *(_identifier(name) for name in identifiers),
    ]
    return Model(
        blocking_rules=[
            *(block_on(name) for name in identifiers),
            block_on("date_of_birth"),
            block_on("places", arrays_to_explode=["places"]) if with_places else block_on("uprn"),
            block_on("surname", "substr(forename,1,1)", "substr(date_of_birth,1,4)"),
            block_on("forename", "substr(date_of_birth,1,7)"),
        ],
        comparisons=comparisons,
        certain_rules=[*(block_on(name) for name in identifiers), block_on("forename", "surname", "date_of_birth")],
        certain_recall=0.8,
        # Not within an address: EM would learn what a household is there, not a person.
        training_rules=[block_on("date_of_birth"), block_on("forename", "surname"), block_on("nino")],
        extra_columns=", forename || ' ' || surname as both_names",
    )


def _identifier(name: str):
    """Random pairs never show a shared identifier, so its probabilities are declared instead of trained."""
    same = cll.ExactMatchLevel(name).configure(
        m_probability=0.98, u_probability=1e-7, fix_m_probability=True, fix_u_probability=True
    )
    other = cll.ElseLevel().configure(
        m_probability=0.02, u_probability=1 - 1e-7, fix_m_probability=True, fix_u_probability=True
    )
    return cl.CustomComparison([cll.NullLevel(name), same, other], output_column_name=name)


def anything(fields: dict[str, dict]) -> Model:
    """For a table that nobody wrote settings for: names by NameComparison, dates as dates, all else exact."""
    names = [name for name, entry in fields.items() if entry["normalise"] == "name"]
    dates = [name for name, entry in fields.items() if entry["normalise"].startswith("date")]
    others = [name for name in fields if name not in names and name not in dates]
    rules = [block_on(*names)] if len(names) > 1 else []
    rules += [block_on(name, date) for name in names for date in dates]
    rules += [block_on(name, other) for name in names for other in others] or [block_on(name) for name in names]
    return Model(
        blocking_rules=rules,
        comparisons=[
            *(cl.NameComparison(name).configure(term_frequency_adjustments=True) for name in names),
            *(cl.DateOfBirthComparison(name, input_is_string=True, invalid_dates_as_null=True) for name in dates),
            *(cl.ExactMatch(name).configure(term_frequency_adjustments=True) for name in others),
        ],
        certain_rules=[block_on(*names, *dates)],
        certain_recall=0.6,
        training_rules=[block_on(*names), *(block_on(date) for date in dates)],
    )


def model_for(name: str, fields: dict[str, dict], link_only: bool, with_places: bool, wide: bool) -> Model:
    """The settings for a case by its name."""
    if name.startswith("febrl"):
        return febrl(link_only)
    if name == "historical_50k":
        return historical_50k(wide)
    if name.startswith("borough"):
        return borough(set(fields), with_places)
    return anything(fields)

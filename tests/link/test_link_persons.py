"""Records and encodings in, persons out: quality on a small town, and the properties every night relies on."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pipeline.contracts import LinkModel, load_link_model
from pipeline.link import Encodings, link_persons
from pipeline.link.baseline import ecm_links
from pipeline.link.quality import clustering_quality
from pipeline.records import PAIR_COLUMNS, LinkResult
from tests.link.town import TOKENS, Town, encode, make_town

NOBODY = pd.DataFrame({"record_id": pd.Series(dtype="int64"), "person_id": pd.Series(dtype="int64")})


@pytest.fixture(scope="module")
def model() -> LinkModel:
    return load_link_model(Path(__file__).parents[2] / "schemas")


@pytest.fixture(scope="module")
def town() -> Town:
    return make_town(2500, seed=7)


def linked(town: Town, model: LinkModel, previous: pd.DataFrame = NOBODY, **options: int) -> LinkResult:
    return link_persons(town.records, Encodings.from_arrow(town.encodings), model, town.chance, previous, **options)


@pytest.fixture(scope="module")
def result(town: Town, model: LinkModel) -> LinkResult:
    return linked(town, model)


def test_a_small_town_is_linked_well(town: Town, result: LinkResult) -> None:
    quality = clustering_quality(result.persons["person_id"], town.truth)
    assert quality["pairwise_precision"] > 0.995
    assert quality["pairwise_f1"] > 0.985
    assert quality["cluster_f1"] > 0.97


def test_each_pair_is_given_once_with_what_explains_it(town: Town, model: LinkModel, result: LinkResult) -> None:
    assert tuple(result.pairs.columns) == PAIR_COLUMNS
    assert (result.pairs["record_a"] < result.pairs["record_b"]).all()
    assert not result.pairs.duplicated(["record_a", "record_b"]).any()
    assert set(result.pairs["decision"]) <= {"match", "possible", "cut"}
    matches = result.pairs.query("decision == 'match'")
    assert (matches["probability"] >= model.match_threshold).all()
    person = result.persons.set_index("record_id")["person_id"]
    assert (person[matches["record_a"]].to_numpy() == person[matches["record_b"]].to_numpy()).all()
    assert result.pairs.groupby("pattern")["weight"].nunique().max() == 1


def test_weights_add_up_from_the_parameters(result: LinkResult) -> None:
    parameters = json.loads(json.dumps(result.parameters))
    for row in result.pairs.drop_duplicates("pattern").itertuples():
        levels = dict(zip(parameters["comparisons"], row.pattern.split(" | "), strict=True))
        depends = parameters["dependent_on"]
        given = levels[depends["comparison"]] == depends["level"]
        total = 0.0
        for name, level in levels.items():
            for entry in parameters["comparisons"][name]:
                if entry["level"] == level:
                    total += entry["weight_given"] if given and "weight_given" in entry else entry["weight"]
        assert total == pytest.approx(row.weight, abs=1e-6)
        odds = 2.0 ** (total + parameters["prior_bits"])
        assert odds / (1 + odds) == pytest.approx(row.probability, abs=1e-6)


def test_the_order_of_the_input_does_not_matter(town: Town, model: LinkModel, result: LinkResult) -> None:
    random = np.random.default_rng(5)
    shuffled = Town(
        records=town.records.sample(frac=1, random_state=3),
        encodings=town.encodings.take(pa.array(random.permutation(town.encodings.num_rows))),
        truth=town.truth,
        chance=town.chance,
    )
    again = linked(shuffled, model)
    pd.testing.assert_frame_equal(again.persons, result.persons)
    pd.testing.assert_frame_equal(again.pairs, result.pairs)
    assert again.parameters == result.parameters


@pytest.mark.parametrize("pairs_per_chunk", [50, 1000])
def test_the_size_of_chunks_does_not_matter(
    town: Town, model: LinkModel, result: LinkResult, pairs_per_chunk: int
) -> None:
    again = linked(town, model, pairs_per_chunk=pairs_per_chunk)
    pd.testing.assert_frame_equal(again.persons, result.persons)
    pd.testing.assert_frame_equal(again.pairs, result.pairs)


def test_an_unchanged_night_changes_nothing(town: Town, model: LinkModel, result: LinkResult) -> None:
    again = linked(town, model, previous=result.persons)
    pd.testing.assert_frame_equal(again.persons, result.persons)
    assert again.ledger.empty


def test_a_night_with_new_records_keeps_the_ids_of_the_old(town: Town, model: LinkModel) -> None:
    random = np.random.default_rng(2)
    early = np.sort(random.choice(len(town.records), int(len(town.records) * 0.97), replace=False))
    first = linked(Town(town.records.iloc[early], town.encodings, town.truth[early], town.chance), model)
    second = linked(town, model, previous=first.persons)
    both = first.persons.merge(second.persons, on="record_id", suffixes=("_before", "_now"))
    changed = both.query("person_id_before != person_id_now")
    explained = second.ledger.dropna()
    moves = set(zip(explained["old_id"], explained["new_id"], strict=True))
    assert set(zip(changed["person_id_before"], changed["person_id_now"], strict=True)) == moves
    assert len(changed) < 0.01 * len(both)
    assert clustering_quality(second.persons["person_id"], linked(town, model).persons["person_id"])["pairwise_f1"] == 1


def test_a_large_block_is_left_out_and_counted(town: Town, model: LinkModel) -> None:
    from dataclasses import replace

    small = linked(town, replace(model, largest_block=5)).blocking.set_index("blocking_pass")
    assert small.loc["home_forename", "dropped_blocks"] > 0
    assert small.loc["home_forename", "largest_block"] > 5


def test_a_partner_that_promises_one_record_a_person_is_taken_at_its_word(town: Town, model: LinkModel) -> None:
    """The same records as of one partner are linked; as of one that promises no duplicates, never."""
    from dataclasses import replace

    one = Town(town.records.assign(partner="council"), town.encodings, town.truth, town.chance)
    assert linked(one, model).persons["person_id"].duplicated().any()
    promised = linked(one, replace(model, no_duplicates=("council",)))
    assert not promised.persons["person_id"].duplicated().any()
    assert not (promised.pairs["decision"] == "match").any()
    some = linked(town, replace(model, no_duplicates=("dwp",))).persons.merge(town.records, on="record_id")
    assert not some[some["partner"] == "dwp"].duplicated("person_id").any()


def table_of(text: str) -> pd.DataFrame:
    table = pd.read_csv(StringIO(text), sep=r"\s+")
    table["date"] = [tuple(int(part) for part in date.split("/")) for date in table["date"]]
    for name in TOKENS:
        table[name] = table.get(name, pd.Series(-1, index=table.index)).astype("int64")
    table.insert(0, "record_id", np.arange(1, len(table) + 1))
    return table


def test_a_handful_of_people_in_persons_out(model: LinkModel) -> None:
    """Twins stay two, same-named father and son stay two, a misspelt name is found, an identifier joins."""
    table = table_of(
        """
        partner  forename  surname    date        sex  uprn  nino
        council  maria     lindqvist  4/5/1980    F    1     -1
        dwp      marya     lindqvist  4/5/1980    F    1     -1
        council  anton     berg       9/2/2005    M    2     -1
        schools  emil      berg       9/2/2005    M    2     -1
        council  peter     okafor     1/3/1970    M    3     -1
        schools  peter     okafor     20/8/2001   M    3     -1
        council  ilse      vogel      7/7/1990    F    4     5
        dwp      ilse      marten     7/7/1990    F    9     5
        """
    )
    result = link_persons(
        table[["record_id", "partner", "sex", *TOKENS]], Encodings.from_arrow(encode(table)), model, {}, NOBODY
    )
    person = result.persons["person_id"].tolist()
    assert person[0] == person[1]
    assert person[6] == person[7]
    assert len({person[2], person[3], person[4], person[5]}) == 4


def test_nothing_to_link_is_no_error(town: Town, model: LinkModel) -> None:
    result = link_persons(town.records.iloc[:0], Encodings.from_arrow(town.encodings.slice(0, 0)), model, {}, NOBODY)
    assert result.persons.empty
    assert result.pairs.empty
    one = link_persons(town.records.iloc[:1], Encodings.from_arrow(town.encodings.slice(0, 1)), model, {}, NOBODY)
    assert one.persons["person_id"].tolist() == [1]
    assert one.ledger["change"].tolist() == ["new"]


def test_the_model_does_better_than_recordlinkages_classifier(town: Town, model: LinkModel, result: LinkResult) -> None:
    a, b = ecm_links(town.records, Encodings.from_arrow(town.encodings), model)
    true_person = pd.Series(town.truth, index=town.records["record_id"])
    right = int((true_person[a].to_numpy() == true_person[b].to_numpy()).sum())
    ours = clustering_quality(result.persons["person_id"], town.truth)
    real = ours["true_positive_pairs"] + ours["false_negative_pairs"]
    assert 0 < 2 * right / (len(a) + real) < ours["pairwise_f1"]

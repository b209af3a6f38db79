"""Splink 5 in clear on DuckDB, with its own examples' settings (splink_settings.py)."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet as pq
from common import Case, Stopwatch, main
from splink import DuckDBAPI, Linker, SettingsCreator
from splink_settings import MAX_PAIRS, Model, model_for

THRESHOLD = 0.95  # as in Splink's example for historical_50k, and as ours
LOWEST = 0.01
SEED = 2012


def prepared(case: Case, model: Model, connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Register the case's records as one table, or one a source where two are linked; the tables' names."""
    people = case.clear()
    places = case.places()
    if places is not None:
        by_record = places.dropna(subset=["uprn"]).groupby("record")["uprn"].agg(lambda found: sorted(set(found)))
        people["places"] = people["record"].map(by_record)
    connection.register("clear_people", people)
    extra = model.extra_columns + (", places::varchar[] as places" if places is not None else "")
    columns = ", ".join(name for name in people.columns if name != "places")
    connection.execute(f"create table people as select {columns}{extra} from clear_people")  # noqa: S608  (own names)
    connection.unregister("clear_people")
    if not case.link_only:
        return ["people"]
    for source in case.sources:
        connection.execute(f"create table people_{source} as select * from people where source = ?", [source])  # noqa: S608
    return [f"people_{source}" for source in case.sources]


def model_of(case: Case) -> Model:
    return model_for(case.name, case.fields, case.link_only, case.places() is not None, case.wide)


def link(case: Case, out: Path) -> dict:
    watch = Stopwatch()
    model = model_of(case)
    connection = duckdb.connect()
    tables = prepared(case, model, connection)
    watch.lap("read")
    api = DuckDBAPI(connection=connection)
    settings = SettingsCreator(
        unique_id_column_name="record",
        link_type="link_only" if case.link_only else "dedupe_only",
        blocking_rules_to_generate_predictions=model.blocking_rules,
        comparisons=model.comparisons,
    )
    linker = Linker([api.register(table) for table in tables], settings)
    training = linker.training
    training.estimate_probability_two_random_records_match(model.certain_rules, recall=model.certain_recall)
    training.estimate_u_using_random_sampling(max_pairs=MAX_PAIRS, seed=SEED)
    for rule in model.training_rules:
        training.estimate_parameters_using_expectation_maximisation(rule, estimate_without_term_frequencies=True)
    watch.lap("train")
    predictions = linker.inference.predict(threshold_match_probability=LOWEST)
    watch.lap("predict")
    clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(
        predictions, threshold_match_probability=THRESHOLD
    )
    found = clusters.as_duckdbpyrelation().project("record, cluster_id").df()
    watch.lap("cluster")
    found = pd.DataFrame({"record": found["record"], "cluster": pd.factorize(found["cluster_id"])[0]})
    found.to_parquet(out / "clusters.parquet")
    scored = predictions.as_duckdbpyrelation().project("record_l as a, record_r as b, match_probability as score")
    pq.write_table(scored.arrow().read_all(), out / "pairs.parquet")
    watch.lap("write")
    return {"seconds": watch.seconds, "threshold": THRESHOLD}


def blocking(case: Case) -> float:
    """Share of true pairs that any of the blocking rules lets through."""
    model = model_of(case)
    connection = duckdb.connect()
    prepared(case, model, connection)
    pairs = case.true_pairs()
    connection.register("true_pairs", pairs)
    rules = []
    for rule in model.blocking_rules:
        if isinstance(rule, str):
            rules.append(f"({rule})")
        elif getattr(rule, "arrays_to_explode", None):
            rules.append("list_has_any(l.places, r.places)")
        else:
            rules.append(f"({rule.get_blocking_rule('duckdb').blocking_rule_sql})")
    count = connection.execute(
        "select count(*) from true_pairs t join people l on l.record = t.record_l"  # noqa: S608
        f" join people r on r.record = t.record_r where {' or '.join(rules)}"
    ).fetchone()[0]
    return count / max(len(pairs), 1)


if __name__ == "__main__":
    main(link, blocking)

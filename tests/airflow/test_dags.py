"""The DAGs as Airflow reads them: made from the contracts, quick to read, documented, limited, told of."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from pipeline.contracts import load_contracts, load_vocabulary
from pipeline.settings import PROJECT, Settings
from tests.airflow.conftest import read_dags

PARTNERS = ("council", "dwp", "police", "schools")


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Any:
    settings = Settings(home=tmp_path_factory.mktemp("described"))
    described = read_dags(settings)
    described["opened_a_database"] = settings.postgres.exists()
    return described


def test_one_ingest_per_contract_and_one_build(read: Any) -> None:
    assert read["errors"] == {}
    assert set(read["dags"]) == {*(f"ingest_{partner}" for partner in PARTNERS), "build_live", "governance_nightly"}


def test_schedules_are_the_contracts(read: Any) -> None:
    contracts = load_contracts(PROJECT / "schemas", load_vocabulary(PROJECT / "schemas"))
    for partner, contract in contracts.items():
        assert read["dags"][f"ingest_{partner}"]["cron"] == contract.schedule
    assert {dag["zone"] for dag in read["dags"].values()} == {"UTC"}


def test_the_build_waits_for_every_delivery_or_the_morning(read: Any) -> None:
    build = read["dags"]["build_live"]
    assert build["waits_for"] == [f"wholefamily://deliveries/{partner}" for partner in PARTNERS]
    assert build["condition"] == "AssetAll"
    assert build["cron"] == "0 5 * * *"
    for partner in PARTNERS:
        task = read["dags"][f"ingest_{partner}"]["tasks"]["take_in_deliveries"]
        assert task["outlets"] == [f"wholefamily://deliveries/{partner}"]


def test_every_dag_and_task_is_documented_limited_and_told_of(read: Any) -> None:
    assert len(read["dags"]) == len(PARTNERS) + 2
    for name, dag in read["dags"].items():
        assert dag["doc"], name
        assert not dag["catchup"], name
        assert dag["max_active_runs"] == 1, name
        assert dag["limit"] != "None", name
        for task in dag["tasks"].values():
            assert task["doc"], name
            assert task["retries"] == 3, name
            assert task["backoff"] == 2, name
            assert task["limit"] != "None", name
            assert task["told"], name
            assert not task["result_in_log"], name


def test_a_build_takes_the_whole_machine(read: Any) -> None:
    ingest = read["dags"]["ingest_dwp"]["tasks"]["take_in_deliveries"]
    build = read["dags"]["build_live"]["tasks"]["build_and_publish"]
    assert (ingest["pool"], ingest["slots"]) == (build["pool"], 1)
    assert build["slots"] == 2


def test_reading_is_quick_and_opens_nothing(read: Any) -> None:
    assert read["seconds"] < 10  # about one second on an idle machine
    assert not read["opened_a_database"]
    heavy = {"numba", "great_expectations", "recordlinkage", "altair", "adbc_driver_postgresql", "scipy"}
    assert not heavy & {name.partition(".")[0] for name in read["imported"]}


@pytest.fixture(scope="module")
def read_changed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The DAGs of declarations with one contract more, and one that is not well formed."""
    folder = tmp_path_factory.mktemp("changed")
    extracts = Path(shutil.copytree(PROJECT / "schemas", folder / "schemas")) / "extracts"
    police = (extracts / "police.yaml").read_text()
    assert "45 1 * * *" in police
    probation = police.replace("value: police}", "value: probation}", 1).replace("45 1 * * *", "20 2 * * *")
    (extracts / "probation.yaml").write_text(probation)
    dwp = (extracts / "dwp.yaml").read_text()
    (extracts / "dwp.yaml").write_text(dwp.replace("[pseudonym]", "[paint_it_blue]"))
    return read_dags(Settings(home=folder / "home", declarations=folder / "schemas"))


def test_a_contract_more_is_a_dag_more(read_changed: Any) -> None:
    assert read_changed["dags"]["ingest_probation"]["cron"] == "20 2 * * *"
    assert "wholefamily://deliveries/probation" in read_changed["dags"]["build_live"]["waits_for"]


def test_a_broken_contract_stops_its_own_feed_only(read_changed: Any) -> None:
    assert read_changed["errors"] == {}
    assert set(read_changed["dags"]) == {
        *(f"ingest_{p}" for p in (*PARTNERS, "probation")),
        "build_live",
        "governance_nightly",
    }
    assert "must say how it leaves the building" in read_changed["dags"]["ingest_dwp"]["doc"]

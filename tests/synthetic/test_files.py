"""The files: the same every time, in the contracts' layouts, with bad rows but not too many."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path

import pandas as pd
import pytest

from pipeline.contracts import Contract, load_vocabulary
from pipeline.errors import DeclarationError
from pipeline.synthetic.borough import synthesise
from pipeline.synthetic.declared import Declared, load_declared
from tests.synthetic.conftest import DECLARATIONS, Written

PARTNERS = ("council", "dwp", "police", "schools")


def _hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        synthesise(2000, seed, tmp_path / name, declarations=DECLARATIONS)
    one, again, other = (_hashes(tmp_path / name) for name in ("one", "again", "other"))
    assert one == again
    assert one.keys() == other.keys()
    assert all(one[name] != other[name] for name in one)


@pytest.mark.parametrize("until", [dt.date(2014, 1, 15), dt.date(2016, 2, 29), dt.date(2013, 10, 1)])
def test_any_as_at_date_will_do(tmp_path: Path, until: dt.date) -> None:
    summary = synthesise(2500, 3, tmp_path, declarations=DECLARATIONS, until=until)
    assert summary.met["work"] > 0
    latest = pd.read_csv(tmp_path / "raw" / "dwp" / "events.csv", dtype=str)["start_date"]
    assert latest[latest.str.match(r"\d{4}-\d\d-\d\d$", na=False)].max() <= until.isoformat()


@pytest.mark.parametrize("population", [0, 1999, 1_500_001])
def test_a_size_outside_the_range_is_refused(tmp_path: Path, population: int) -> None:
    with pytest.raises(DeclarationError, match="2,000 to 1,500,000") as caught:
        synthesise(population, 1, tmp_path, declarations=DECLARATIONS)
    assert caught.value.remedy
    assert not list(tmp_path.iterdir())


def test_progress_runs_from_nothing_to_done(tmp_path: Path) -> None:
    seen: list[tuple[str, float]] = []
    synthesise(2000, 1, tmp_path, declarations=DECLARATIONS, progress=lambda what, share: seen.append((what, share)))
    shares = [share for _, share in seen]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)


def test_layouts_are_the_contracts(written: Written, contracts: dict[str, Contract]) -> None:
    for partner, contract in contracts.items():
        files = {path.name for path in (written.folder / "raw" / partner).iterdir()}
        assert files == {table.file for table in contract.tables}
        for table in contract.tables:
            with (written.folder / "raw" / partner / table.file).open(encoding="utf-8") as handle:
                assert handle.readline().rstrip("\n").split(",") == [column.source_name for column in table.columns]


def test_bad_rows_exist_and_stay_under_the_tolerance(written: Written, contracts: dict[str, Contract]) -> None:
    for partner in PARTNERS:
        for table, rows in written.summary.rows[partner].items():
            bad = written.summary.bad_rows[partner][table]
            assert bad <= rows * 0.75 * contracts[partner].tolerated_problem_share
            assert bad >= rows * 0.0015 or rows < 600
        assert sum(written.summary.bad_rows[partner].values()) > 20


def test_only_added_rows_break_the_contract(written: Written, contracts: dict[str, Contract]) -> None:
    """Counted by hand-written checks: unknown codes and persons, missing and impossible cells, doubled references."""
    vocabulary = load_vocabulary(DECLARATIONS)
    for partner in PARTNERS:
        people = written.raw(partner, "people")
        for table in contracts[partner].tables:
            rows = written.raw(partner, table.name)
            wrong = ~rows["person_ref"].isin(people["person_ref"])
            for column in table.columns:
                values = rows[column.name]
                given = values.notna()
                if column.required:
                    wrong |= ~given
                if column.allowed:
                    wrong |= given & ~values.isin(column.allowed)
                if column.type == "date":
                    iso = pd.to_datetime(values, format="%Y-%m-%d", errors="coerce")
                    wrong |= given & iso.fillna(pd.to_datetime(values, format="%d/%m/%Y", errors="coerce")).isna()
                if column.unique:
                    wrong |= values.duplicated() & given
                if column.maximum is not None:
                    wrong |= pd.to_numeric(values) > column.maximum
                if column.pattern:
                    wrong |= given & ~values.str.match(column.pattern, na=False)
            assert wrong.sum() == written.summary.bad_rows[partner][table.name], (partner, table.name)
            if table.name == "events":
                for kind, code, role in rows.loc[~wrong, ["kind", "code", "role"]].drop_duplicates().values:
                    assert vocabulary.kind(kind).allows_code(code), (kind, code)
                    assert vocabulary.kind(kind).allows_role(role), (kind, role)


def test_no_reference_of_one_partner_is_anothers(written: Written) -> None:
    truth = written.truth("people")
    assert not truth["person_ref"].duplicated().any()
    for partner in PARTNERS:
        good = written.truth("people").query("partner == @partner")["person_ref"]
        assert set(good) <= set(written.raw(partner, "people")["person_ref"])


def test_every_declared_figure_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: set[str] = set()
    plain = Declared.get

    def get(self: Declared, path: str) -> object:
        asked.add(path)
        return plain(self, path)

    monkeypatch.setattr(Declared, "get", get)
    synthesise(2000, 1, tmp_path, declarations=DECLARATIONS)

    def unused(here: object, path: str) -> list[str]:
        if path in asked or path.rpartition(".")[2] in ("source", "version"):
            return []
        if isinstance(here, dict):
            return [name for key, item in here.items() for name in unused(item, f"{path}.{key}".lstrip("."))]
        return [path]

    assert unused(load_declared(DECLARATIONS).document, "") == []

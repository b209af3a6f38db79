"""Every kind of bad delivery: refused with a code, told without a value, and nothing that users see has changed."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from pipeline.errors import DeliveryError
from pipeline.ingest import ingest_partner
from pipeline.ingest.registry import ONCE_ACCEPTED
from pipeline.manifest import MANIFEST_FILE, SIGNATURE_FILE, ChanceAgreement, Manifest
from pipeline.partner.keys import create_linkage_key, create_partner_keys, linkage_key_path
from pipeline.settings import Settings
from pipeline.store.database import Database
from tests.ingest.conftest import LIVE, digest, emptied
from tests.ingest.site import Site, changed, replaced, resign, rewrite, stated, stated_of, values_of

ACCEPTED_BEFORE = ("council", "police")


@pytest.fixture(scope="module")
def stocked(
    shared_database: Database, pattern: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Database, Path]:
    """A live database that council and police have delivered to, and the home they did it from."""
    home = tmp_path_factory.mktemp("stocked") / "home"
    shutil.copytree(pattern, home)
    site, database = Site(Settings(home=home)), emptied(shared_database)
    for partner in ACCEPTED_BEFORE:
        site.deliver(partner)
        ingest_partner(site.settings, database, partner)
    return database, home


class Hub:
    """A site of one test, beside the stocked database that all tests of this module share."""

    def __init__(self, site: Site, database: Database, caplog: pytest.LogCaptureFixture) -> None:
        self.site, self.database, self.caplog = site, database, caplog

    def deliver(self, *changes: Callable[[Path], None]) -> Path:
        return self.site.deliver("council", *changes)

    def refuses(self, code: str, partner: str = "council") -> DeliveryError:
        before = digest(self.database)
        assert {name.split(".")[0] for name in before} == set(LIVE)
        assert before["identity.record"][0] > 0
        with pytest.raises(DeliveryError) as caught:
            ingest_partner(self.site.settings, self.database, partner, patience=0.2)
        error = caught.value
        assert (error.code, error.exit_code) == (code, 5)
        assert error.where
        assert error.rule
        assert error.remedy
        assert digest(self.database) == before
        self._is_recorded(error, partner)
        self._is_set_aside(partner)
        return error

    def _is_recorded(self, error: DeliveryError, partner: str) -> None:
        with self.database.connect() as connection:
            decided = connection.execute(
                "select state, code, delivery_id from registry.delivery order by decided_at desc limit 1"
            ).fetchone()
            assert decided is not None
            assert decided[:2] == ("rejected", error.code)
            told = connection.execute(
                "select string_agg(t, ' ') from (select d::text t from registry.delivery d union all"
                " select c::text from registry.check_result c union all select l::text from audit.log l) everything"
            ).fetchone()
            assert told is not None
            entry = connection.execute(
                "select action, detail->>'code' from audit.log where subject = %s order by entry_id desc limit 1",
                (decided[2],),
            ).fetchone()
            assert entry == ("delivery rejected", error.code)
        text = " ".join([str(error), repr(error), told[0], self.caplog.text])
        leaked = [value for value in values_of(self.site, partner) if value in text]
        assert leaked == []
        assert error.__cause__ is None

    def _is_set_aside(self, partner: str) -> None:
        settings = self.site.settings
        assert list(settings.landing(partner).iterdir()) == []
        assert len(list(settings.rejected(partner).iterdir())) == 1
        assert not list(settings.work.rglob("*.csv*"))
        assert not list(settings.work.rglob("*.parquet*"))


@pytest.fixture
def hub(stocked: tuple[Database, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Hub:
    database, home = stocked
    shutil.copytree(home, tmp_path / "home")
    return Hub(Site(Settings(home=tmp_path / "home")), database, caplog)


def first(rows: list[dict[str, str]], number: int, **cells: str) -> None:
    for row in rows[:number]:
        row |= cells


# --- keys and versions


def test_wrong_linkage_key(hub: Hub) -> None:
    key = linkage_key_path(hub.site.settings, "council")
    key.unlink()
    create_linkage_key(key)
    hub.site.pseudonymise("council")
    hub.deliver()
    assert "police" in hub.refuses("known_answers_differ").rule


def test_known_answers_missing(hub: Hub) -> None:
    hub.deliver(stated(known_answers=[]))
    hub.refuses("known_answers_differ")


def test_other_encoding_version(hub: Hub) -> None:
    hub.deliver(stated(encoding_version=2))
    hub.refuses("encoding_version")


def test_other_contract_version(hub: Hub) -> None:
    landed = hub.deliver()
    resign(landed, hub.site.keys("council"), contract_version="0.9.0")
    hub.refuses("contract_version")


def test_file_of_another_encoding_of_persons(hub: Hub) -> None:
    def other_sizes(draft: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        content = pq.read_table(draft / "encodings.parquet")
        short = pa.array([b"\0" * 32] * content.num_rows, pa.binary(32))
        content = content.set_column(content.schema.get_field_index("forename"), "forename", short)
        pq.write_table(content, draft / "encodings.parquet")
        whole = (draft / "encodings.parquet").read_bytes()
        rewrite(draft, "encodings", whole, "parquet", rows=content.num_rows)

    hub.deliver(other_sizes)
    hub.refuses("encoding_schema")


def test_file_of_another_text_encoding(hub: Hub) -> None:
    hub.deliver(
        replaced("events", lambda content: content.replace(b"child_in_need", "child_in_n\xe9ed".encode("latin-1")))
    )
    hub.refuses("not_utf8")


def test_sealed_to_another_hub(hub: Hub) -> None:
    from pyrage import x25519

    recipient = hub.site.settings.partner_keys("council") / "hub.recipient"
    recipient.write_text(str(x25519.Identity.generate().to_public()))
    hub.deliver()
    hub.refuses("cannot_open")


# --- transport


def test_tampered(hub: Hub) -> None:
    file = hub.deliver() / "events.csv.age"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    hub.refuses("tampered")


def test_truncated_in_transport(hub: Hub) -> None:
    file = hub.deliver() / "people.csv.age"
    file.write_bytes(file.read_bytes()[:-20])
    hub.refuses("tampered")


def test_exchanged_for_another_file_sealed_to_the_hub(hub: Hub) -> None:
    landed = hub.deliver()
    shutil.copy(landed / "events.csv.age", landed / "people.csv.age")
    hub.refuses("tampered")


def test_truncated_before_it_was_sealed(hub: Hub) -> None:
    hub.deliver(
        replaced("events", lambda content: content[: content.rindex(b"\n", 0, -1) + 1]), stated_of("events", rows=80)
    )
    hub.refuses("truncated")


def test_file_missing(hub: Hub) -> None:
    (hub.deliver() / "events.csv.age").unlink()
    hub.refuses("incomplete")


def test_something_else_in_the_folder(hub: Hub) -> None:
    (hub.deliver() / "notes.txt").write_text("please hurry")
    hub.refuses("unexpected_file")


def test_a_link_out_of_the_folder(hub: Hub) -> None:
    file = hub.deliver() / "events.csv.age"
    elsewhere = file.parent.parent.parent / "events.csv.age"
    file.rename(elsewhere)
    file.symlink_to(elsewhere)
    hub.refuses("unexpected_file")


def test_unsigned(hub: Hub) -> None:
    (hub.deliver() / SIGNATURE_FILE).unlink()
    hub.refuses("unsigned")


def test_signed_by_another_key(hub: Hub) -> None:
    (hub.site.settings.partner_keys("council") / "signing.key").unlink()
    create_partner_keys(hub.site.settings, "council")
    hub.deliver()
    hub.refuses("bad_signature")


def test_manifest_changed_after_signing(hub: Hub) -> None:
    manifest = hub.deliver() / MANIFEST_FILE
    manifest.write_bytes(manifest.read_bytes().replace(b'"kind":"full"', b'"kind":"delta"'))
    hub.refuses("bad_signature")


def test_manifest_of_another_form(hub: Hub) -> None:
    landed = hub.deliver()
    resign(landed, hub.site.keys("council"), sequence=-3)
    hub.refuses("bad_manifest")


@pytest.mark.parametrize(
    "values",
    [
        {"previous_manifest_sha256": "Soroel"},
        {"period_to": dt.date(2010, 1, 1)},
        {"contract_version": "1\0"},
        {"key_version": 1 << 40},
        {"known_answers": ("Soroel\0", "Boroel")},
        {"chance_agreement": (ChanceAgreement(comparison="forename\0", counts=(1, 2)),)},
        {"chance_agreement": (ChanceAgreement(comparison="forename", counts=(1 << 70, 2)),)},
    ],
)
def test_signed_but_not_well_made(hub: Hub, values: dict[str, object]) -> None:
    resign(hub.deliver(), hub.site.keys("council"), **values)
    hub.refuses("bad_manifest")


def test_measured_for_another_link_model(hub: Hub) -> None:
    measured = (ChanceAgreement(comparison="forename", counts=(1, 2)),)
    resign(hub.deliver(), hub.site.keys("council"), chance_agreement=measured)
    hub.refuses("link_model")


def test_delta(hub: Hub) -> None:
    hub.deliver(stated(kind="delta"))
    hub.refuses("delta_not_supported")


# --- sequence


def test_same_delivery_twice(hub: Hub) -> None:
    landed = hub.deliver()
    accepted = next(hub.site.settings.accepted("council").iterdir())
    shutil.rmtree(landed)
    shutil.copytree(accepted, landed.parent / accepted.name)
    hub.refuses("already_delivered")


def test_same_delivery_under_another_name(hub: Hub) -> None:
    landed = hub.deliver()
    accepted = next(hub.site.settings.accepted("council").iterdir())
    shutil.rmtree(landed)
    shutil.copytree(accepted, landed)
    hub.refuses("wrong_name")


def test_under_a_name_that_says_who(hub: Hub) -> None:
    landed = hub.deliver()
    landed.rename(landed.parent / "the family Soroel")
    assert "Soroel" not in str(hub.refuses("wrong_name"))


def test_older_sequence_number(hub: Hub) -> None:
    (hub.site.settings.partner_home("council") / "sent.jsonl").unlink()
    for folder in hub.site.settings.outbox("council").glob("council-*"):
        shutil.rmtree(folder)
    assert hub.deliver().name.startswith("council-000001-")
    hub.refuses("old_sequence")


def test_does_not_follow_the_last_accepted(hub: Hub) -> None:
    landed = hub.deliver()
    resign(landed, hub.site.keys("council"), previous_manifest_sha256="0" * 64)
    hub.refuses("broken_chain")


def test_into_another_partners_landing_folder(hub: Hub) -> None:
    landed = hub.deliver()
    shutil.move(landed, hub.site.settings.landing("police") / landed.name)
    # It is not police who signed it.
    assert hub.refuses("bad_signature", partner="police")


# --- agreement and contract


def with_declarations(hub: Hub, file: str, change: Callable[[dict], None]) -> None:
    home = hub.site.settings.home
    shutil.copytree(hub.site.settings.declarations, home / "schemas")
    path = home / "schemas" / file
    document = yaml.safe_load(path.read_text())
    change(document)
    path.write_text(yaml.safe_dump(document))
    hub.site = Site(Settings(home=home, declarations=home / "schemas"))


def test_column_not_covered_by_the_agreement(hub: Hub) -> None:
    hub.deliver()

    def narrowed(document: dict) -> None:
        document["feeds"][0]["columns"]["people"].remove("nino")

    with_declarations(hub, "agreements/whole-family-2012.yaml", narrowed)
    error = hub.refuses("not_covered")
    assert "nino of people" in error.rule


def test_no_agreement_in_force(hub: Hub) -> None:
    hub.deliver()
    with_declarations(hub, "agreements/whole-family-2012.yaml", lambda document: document.update(expiry="2015-03-31"))
    hub.refuses("no_agreement")


def test_column_that_the_contract_does_not_have(hub: Hub) -> None:
    hub.deliver(replaced("events", lambda content: content.replace(b"\n", b",Soroel\n")))
    assert "Soroel" not in hub.refuses("unknown_column").rule


def test_missing_column(hub: Hub) -> None:
    hub.deliver(replaced("events", lambda content: content.replace(b",quantity", b"", 1)))
    assert "quantity" in hub.refuses("missing_column").rule


def test_no_header(hub: Hub) -> None:
    hub.deliver(replaced("people", lambda content: content.split(b"\n", 1)[1]))
    hub.refuses("missing_column")


def test_missing_table(hub: Hub) -> None:
    landed = hub.deliver()
    (landed / "residences.csv.age").unlink()
    manifest_files = [f for f in manifest_of(landed).files if f.table != "residences"]
    resign(landed, hub.site.keys("council"), files=tuple(manifest_files))
    hub.refuses("missing_table")


def test_table_of_another_contract(hub: Hub) -> None:
    landed = hub.deliver()
    shutil.copy(landed / "events.csv.age", landed / "attendance.csv.age")
    events = next(f for f in manifest_of(landed).files if f.table == "events")
    extra = events.model_copy(update={"table": "attendance", "name": "attendance.csv.age"})
    resign(landed, hub.site.keys("council"), files=(*manifest_of(landed).files, extra))
    hub.refuses("unknown_table")


def manifest_of(landed: Path) -> Manifest:
    return Manifest.model_validate_json((landed / MANIFEST_FILE).read_bytes())


# --- files and rows


def test_empty_file(hub: Hub) -> None:
    hub.deliver(replaced("events", lambda content: b""))
    hub.refuses("empty_file")


def test_no_rows(hub: Hub) -> None:
    hub.deliver(replaced("people", lambda content: content.split(b"\n", 1)[0] + b"\n"))
    hub.refuses("no_rows")


def test_a_line_with_another_number_of_columns(hub: Hub) -> None:
    hub.deliver(replaced("events", lambda content: content.replace(b'"child_in_need"', b"child,in,need", 1)))
    hub.refuses("bad_csv")


def test_row_numbers_that_repeat(hub: Hub) -> None:
    hub.deliver(changed("events", lambda rows: first(rows, 2, row="2")))
    hub.refuses("bad_row_numbers")


@pytest.mark.parametrize(
    ("table", "cells", "reason"),
    [
        pytest.param("events", {"code": "N99"}, "unknown_code in code", id="unknown code"),
        pytest.param("events", {"kind": "burglary"}, "unknown_code in kind", id="unknown kind"),
        pytest.param("events", {"role": "offender"}, "unknown_code in role", id="unknown role"),
        pytest.param("events", {"start_date": "14/07/2014"}, "date_form in start_date", id="wrong date form"),
        pytest.param("events", {"start_date": "2014-02-30"}, "date_form in start_date", id="day in no calendar"),
        pytest.param("events", {"start_date": ""}, "required_missing in start_date", id="required missing"),
        pytest.param("events", {"end_date": "2013-01-01"}, "end_before_start in end_date", id="end before start"),
        pytest.param("events", {"event_ref": "ab" * 16}, "duplicate_reference in event_ref", id="duplicate references"),
        pytest.param(
            "events", {"person_ref": "cd" * 16}, "unknown_person in person_ref", id="event for unknown person"
        ),
        pytest.param("people", {"person_ref": "ab" * 16}, "duplicate_reference in person_ref", id="duplicate persons"),
        pytest.param("people", {"sex": "X"}, "unknown_code in sex", id="unknown sex"),
        pytest.param("people", {"date_of_birth_month": "1980-13"}, "date_form in", id="no month"),
        pytest.param("people", {"nino_token": "AB123456C"}, "bad_pattern in nino_token", id="identifier in clear"),
        pytest.param(
            "people", {"problem": "date_form:date_of_birth"}, "date_form in date_of_birth", id="kit's problem"
        ),
        pytest.param("residences", {"postcode_area": "XB9 9ZQ"}, "bad_pattern in postcode_area", id="whole postcode"),
        pytest.param("nominations", {"rank": "0"}, "out_of_range in rank", id="out of range"),
    ],
)
def test_too_many_bad_rows(hub: Hub, table: str, cells: dict[str, str], reason: str) -> None:
    hub.deliver(changed(table, lambda rows: first(rows, 3, **cells)))
    error = hub.refuses("too_many_problems")
    assert reason in error.rule
    assert "3 of 80 rows" in error.rule
    assert error.where.endswith(table)


def test_free_text_in_a_code(hub: Hub) -> None:
    secret = "Mother says that Soroel hits her " * 3
    hub.deliver(changed("events", lambda rows: first(rows, 3, code=secret)))
    assert "Mother" not in str(hub.refuses("too_many_problems"))


def test_problem_code_nobody_knows(hub: Hub) -> None:
    hub.deliver(changed("events", lambda rows: first(rows, 1, problem="Soroel:code")))
    hub.refuses("unknown_problem")


def test_half_of_an_extract(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.site = Site(Settings(home=hub.site.settings.home, expectations=suites_without_smallest(hub)))
    hub.site.pseudonymise("council", people=20)
    hub.deliver()
    error = hub.refuses("expectation_failed")
    assert "council_people" in error.where
    assert "overnight" in error.rule


def suites_without_smallest(hub: Hub) -> Path:
    """The suites, with drift judged for small deliveries too."""
    import json

    folder = hub.site.settings.home / "expectations"
    shutil.copytree(hub.site.settings.expectations, folder)
    path = folder / "council_people.json"
    suite = json.loads(path.read_text())
    for entry in suite["expectations"]:
        entry["meta"].get("drift", {}).pop("smallest_previous", None)
    path.write_text(json.dumps(suite))
    return folder


def test_nothing_was_accepted_in_this_module_but_the_stock(hub: Hub) -> None:
    with hub.database.connect() as connection:
        states = connection.execute(
            "select count(*) from registry.delivery where state = any(%s)", (list(ONCE_ACCEPTED),)
        ).fetchone()
    assert states == (len(ACCEPTED_BEFORE),)

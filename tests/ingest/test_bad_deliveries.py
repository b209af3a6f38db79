"""Every kind of bad delivery: refused with a code, told without a value, and nothing that users see has changed."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import pytest

from pipeline.ingest.history import ONCE_ACCEPTED
from pipeline.manifest import MANIFEST_FILE, SIGNATURE_FILE, ChanceAgreement, file_sha256
from pipeline.partner.keys import create_linkage_key, create_partner_keys, linkage_key_path
from tests.ingest.site import replaced, resign, rewrite, stated, stated_of
from tests.ingest.stocked import ACCEPTED_BEFORE, Hub, hub, stocked

__all__ = ["hub", "stocked"]  # fixtures


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
    hub.deliver(stated(encoding_version=3))
    hub.refuses("encoding_version")


def test_other_linkage_key_called_another_version(hub: Hub) -> None:
    landed = hub.deliver()
    resign(landed, hub.site.keys("council"), key_version=2)
    hub.refuses("key_version")


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


def test_more_encodings_than_people_can_have(hub: Hub) -> None:
    def packed(draft: Path) -> None:
        import pyarrow.parquet as pq

        content = pq.read_table(draft / "encodings.parquet")
        many = content.take([0] * 400_000)  # packs to less than it held before
        pq.write_table(many, draft / "encodings.parquet", compression="zstd")
        rewrite(draft, "encodings", (draft / "encodings.parquet").read_bytes(), "parquet", rows=many.num_rows)

    hub.deliver(packed)
    hub.refuses("too_large")


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


def test_delta_without_removals_or_base(hub: Hub) -> None:
    hub.deliver(stated(kind="delta"))
    assert "removals" in hub.refuses("missing_table").rule


def test_delta_that_names_no_base(hub: Hub) -> None:
    hub.deliver(lambda draft: rewrite(draft, "removals", b"person_ref\n", new=True), stated(kind="delta"))
    hub.refuses("bad_manifest")


@pytest.mark.parametrize(
    "content", [b"person_ref\nSoroel\n", b"person_ref\n" + b"ab" * 16 + b"\n" + b"ab" * 16 + b"\n"]
)
def test_delta_with_removals_of_another_form(hub: Hub, content: bytes) -> None:
    (accepted,) = hub.site.settings.accepted("council").iterdir()
    hub.deliver(
        lambda draft: rewrite(draft, "removals", content, new=True),
        stated(kind="delta", base_manifest_sha256=file_sha256(accepted / MANIFEST_FILE)),
    )
    hub.refuses("bad_removals")


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


def test_nothing_was_accepted_in_this_module_but_the_stock(hub: Hub) -> None:
    with hub.database.connect() as connection:
        states = connection.execute(
            "select count(*) from registry.delivery where state = any(%s)", (list(ONCE_ACCEPTED),)
        ).fetchone()
    assert states == (len(ACCEPTED_BEFORE),)

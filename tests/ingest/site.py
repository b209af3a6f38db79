"""Made-up extracts of two partners, delivered by the real kit to a hub's landing folder; and bad ones, forged.

A forged delivery is validly sealed and signed, around content that the kit would never have written: the draft's
plain files are changed before they are sealed.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import secrets
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pipeline.contracts import Contract, load_contracts, load_encoding, load_link_model, load_vocabulary
from pipeline.installation import make_all_keys
from pipeline.manifest import MANIFEST_FILE, SIGNATURE_FILE, Manifest
from pipeline.partner.deliver import deliver
from pipeline.partner.draft import SUMMARY_FILE, draft_file
from pipeline.partner.keys import PartnerKeys, load_partner_keys
from pipeline.partner.pseudonymise import pseudonymise
from pipeline.partner.seal import seal
from pipeline.settings import Settings
from pipeline.transport import DropFolder

PARTNERS = ("council", "police", "schools")
FROM, TO = dt.date(2011, 8, 1), dt.date(2014, 7, 31)
PEOPLE = 80  # one bad row in a table is 1.25 %, less than the 2 % tolerated; two are more
Rows = list[dict[str, str]]


@dataclass(frozen=True)
class Site:
    """One home with every zone's folders, its keys made and exchanged."""

    settings: Settings

    def contract(self, partner: str) -> Contract:
        return _contracts(self.settings.declarations)[partner]

    def keys(self, partner: str) -> PartnerKeys:
        return load_partner_keys(self.settings, partner)

    def draft(self, partner: str) -> Path:
        return self.settings.outbox(partner) / "draft"

    def pseudonymise(self, partner: str, people: int = PEOPLE) -> Path:
        """Write the partner's extract and pseudonymise it; returns the draft's folder."""
        raw = self.settings.partner_home(partner) / "raw"
        write_extract(self.contract(partner), raw, people)
        declarations = self.settings.declarations
        draft = self.draft(partner)
        pseudonymise(
            self.contract(partner),
            load_encoding(declarations),
            load_link_model(declarations),
            raw,
            draft,
            self.keys(partner),
            FROM,
            TO,
            vocabulary=load_vocabulary(declarations),
        )
        return draft

    def deliver(self, partner: str, *changes: Callable[[Path], None]) -> Path:
        """Seal the draft, changed by `changes`, and put it into the landing folder; returns where it landed."""
        draft = self.draft(partner)
        kept = draft.with_name("kept")
        shutil.copytree(draft, kept)
        for change in changes:
            change(draft)
        stated(draft_id=secrets.token_hex(4))(draft)  # the draft is kept for more than one delivery here
        sealed = seal(self.settings, self.contract(partner), self.keys(partner), draft, self.settings.outbox(partner))
        kept.rename(draft)
        return Path(deliver(sealed, DropFolder(self.settings.landing(partner))))

    def again(self, delivery: Path) -> Path:
        """Deliver once more what the outbox still holds."""
        partner = delivery.parent.name
        return Path(deliver(self.settings.outbox(partner) / delivery.name, DropFolder(self.settings.landing(partner))))


@lru_cache
def _contracts(declarations: Path) -> dict[str, Contract]:
    return load_contracts(declarations, load_vocabulary(declarations))


def make_site(home: Path) -> Site:
    settings = Settings(home=home)
    make_all_keys(settings, ["council", "dwp", "police", "schools"])
    return Site(settings)


# --- changes of a draft before it is sealed ------------------------------------------------------------------


def changed(table: str, change: Callable[[Rows], Rows | None]) -> Callable[[Path], None]:
    """Change the rows of a delivered table (a mapping of column to cell each)."""

    def apply(draft: Path) -> None:
        with (draft / f"{table}.csv").open(encoding="utf-8", newline="") as handle:
            reader = csv.DictReader(handle)
            header, rows = list(reader.fieldnames or ()), list(reader)
        rewrite(draft, table, csv_text(header, change(rows) or rows).encode())

    return apply


def replaced(table: str, content: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Change the bytes of a delivered table; the manifest tells the right length and number of lines."""
    return lambda draft: rewrite(draft, table, content((draft / f"{table}.csv").read_bytes()))


def stated(**values: object) -> Callable[[Path], None]:
    """Change what the manifest will say."""

    def apply(draft: Path) -> None:
        summary = json.loads((draft / SUMMARY_FILE).read_text())
        (draft / SUMMARY_FILE).write_text(json.dumps(summary | values))

    return apply


def stated_of(of: str, **values: object) -> Callable[[Path], None]:
    """Change what the manifest will say of one file."""

    def apply(draft: Path) -> None:
        summary = json.loads((draft / SUMMARY_FILE).read_text())
        files = [entry | values if entry["table"] == of else entry for entry in summary["files"]]
        (draft / SUMMARY_FILE).write_text(json.dumps(summary | {"files": files}))

    return apply


def rewrite(
    draft: Path, table: str, content: bytes, suffix: str = "csv", rows: int | None = None, *, new: bool = False
) -> None:
    """Write a plain file of a draft, an old or a new one, and tell its length in the summary."""
    path = draft / f"{table}.{suffix}"
    path.write_bytes(content)
    lines = max(content.count(b"\n") - 1, 0) if rows is None else rows
    entry = draft_file(table, path, lines).model_dump()
    if new:
        summary = json.loads((draft / SUMMARY_FILE).read_text())
        (draft / SUMMARY_FILE).write_text(json.dumps(summary | {"files": [*summary["files"], entry]}))
    stated_of(table, **entry)(draft)


def resign(delivery: Path, keys: PartnerKeys, **values: object) -> None:
    """Change the manifest of a delivery that landed, and sign it again with these keys."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    manifest = Manifest.model_validate_json((delivery / MANIFEST_FILE).read_bytes())
    content = manifest.model_copy(update=values).to_bytes()
    (delivery / MANIFEST_FILE).write_bytes(content)
    signature = Ed25519PrivateKey.from_private_bytes(keys.signing_key).sign(content)
    (delivery / SIGNATURE_FILE).write_bytes(signature)


# --- extracts ------------------------------------------------------------------------------------------------


def write_extract(contract: Contract, raw: Path, people: int) -> None:
    """A raw extract of a contract: `people` persons in households of four, each table with a row a person."""
    raw.mkdir(parents=True, exist_ok=True)
    tables: dict[str, Callable[[int], dict[str, str]]] = {
        "people": _person,
        "residences": _residence,
        "relationships": _relationship,
        "events": lambda n: _event(contract, n),
        "orders": lambda n: _event(contract, n),
        "nominations": _nomination,
        "attendance": _attendance,
        "enrolments": _enrolment,
    }
    for table in contract.tables:
        header = [column.name for column in table.columns]
        rows = [tables[table.name](n) for n in range(people)]
        (raw / table.file).write_text(csv_text(header, rows), encoding="utf-8")


def csv_text(header: Iterable[str], rows: Rows) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(header), extrasaction="ignore", restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


LETTERS = "abcdefghijklmnopqrst"


def _name(n: int) -> str:
    return LETTERS[n % 20] + "o" + LETTERS[n // 20 % 20] + "el"


def _person(n: int) -> dict[str, str]:
    return {
        "person_ref": f"REF{n:05d}",
        "forename": f"Fore{_name(n)}",
        "surname": f"Sur{_name(n // 4)}",
        "date_of_birth": (dt.date(1980 + 25 * (n % 4 > 1), 1, 1) + dt.timedelta(days=37 * n)).isoformat(),
        "sex": "FM"[n % 2],
        "nino": f"AB{n:06d}C" if n % 4 < 2 else "",
    }


def _residence(n: int) -> dict[str, str]:
    house = n // 4
    return {
        "person_ref": f"REF{n:05d}",
        "uprn": str(100_000_000_000 + house),
        "address": f"{house + 1} Canary Row",
        "postcode": f"XB9 {house % 10}ZQ",
        "start_date": "2012-03-04",
        "end_date": "",
    }


def _relationship(n: int) -> dict[str, str]:
    related = n - n % 4 + (n + 1) % 4
    return {
        "person_ref": f"REF{n:05d}",
        "related_person_ref": f"REF{related:05d}",
        "relation": "other",
        "start_date": "2012-03-04",
        "end_date": "2013-05-06",
    }


def _event(contract: Contract, n: int) -> dict[str, str]:
    kind, code, role = {
        "council": ("child_in_need", "N1", ""),
        "police": ("asb_incident", "nuisance", "suspect"),
        "schools": ("suspension", "PP", ""),
        "probation": ("probation_order", "licence", "offender"),
    }[contract.partner]
    return {
        "event_ref": f"EVT{n:05d}",
        "person_ref": f"REF{n:05d}",
        "kind": kind,
        "code": code,
        "role": role,
        "start_date": "2014-07-14",
        "end_date": "",
        "quantity": "2" if kind == "suspension" else "",
    }


def _nomination(n: int) -> dict[str, str]:
    return {
        "person_ref": f"REF{n:05d}",
        "nominated_on": "2014-06-02",
        "rank": str(n + 1),
        "reason_code": "cost",
    }


def _attendance(n: int) -> dict[str, str]:
    return {
        "person_ref": f"REF{n:05d}",
        "term": "2014-summer",
        "term_start": "2014-04-22",
        "term_end": "2014-07-23",
        "sessions_possible": "120",
        "sessions_authorised": "4",
        "sessions_unauthorised": "20",
    }


def _enrolment(n: int) -> dict[str, str]:
    excluded = n % 10 == 0
    return {
        "person_ref": f"REF{n:05d}",
        "setting": "pupil_referral_unit" if excluded else "mainstream",
        "because_excluded": "true" if excluded else "false",
        "start_date": "2013-09-03",
        "end_date": "",
    }


def values_of(site: Site, partner: str) -> set[str]:
    """Every cell that names or stands for a person: of the extract, and of what is delivered."""
    telling = {"person_ref", "forename", "surname", "date_of_birth", "nino", "uprn", "address", "postcode", "event_ref"}
    raw = site.settings.partner_home(partner) / "raw"
    found: set[str] = set()
    for path in [*raw.glob("*.csv"), *site.draft(partner).glob("*.csv")]:
        with path.open(encoding="utf-8", newline="") as handle:
            for row in csv.DictReader(handle):
                found |= {cell for name, cell in row.items() if name in telling or name.endswith("_token")}
    return {cell for cell in found if cell}

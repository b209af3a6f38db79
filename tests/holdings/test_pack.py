"""The evidence pack: everything in it is signed, what is changed shows, and nothing of a person is in it."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipeline import audit
from pipeline.errors import KeyMaterialError
from pipeline.holdings.exported import as_csv
from pipeline.holdings.pack import MANIFEST, SIGNATURE, Made, check_pack, make_pack
from pipeline.holdings.shown import governance_lines
from pipeline.lineage import LEDGER_FILE, read_events
from pipeline.settings import Settings
from tests.conftest import TestServer
from tests.holdings.conftest import Hub, a_hub
from tests.whole_way.conftest import DOZEN, runner

Files = dict[str, bytes]


@pytest.fixture(scope="module")
def hub(built_dozen: Settings, test_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """One for all tests here: none changes what another looks at."""
    with a_hub(built_dozen, test_server, tmp_path_factory.mktemp("packed") / "home of the test") as made:
        yield made


@pytest.fixture(scope="module")
def made(hub: Hub) -> Made:
    runner(hub.settings)("why", hub.one("select family_id from cohort.cohort limit 1"), "--purpose", "=spot check")
    audit.record_role_changes(hub.database)
    audit.write_checkpoint(hub.settings, hub.database)
    return make_pack(hub.settings, hub.database)


def files_of(path: Path) -> Files:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rows_of(files: Files, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files[name].decode())))


def test_a_pack_shows_what_an_ig_lead_is_asked(hub: Hub, made: Made) -> None:
    key = audit.public_key(hub.settings)
    assert key is not None
    verdict = check_pack(made.path, key)
    assert (verdict.findings, made.log_whole) == ([], True)
    assert made.path.stat().st_mode & 0o077 == 0
    files = files_of(made.path)
    assert len(files) == made.files
    assert {name.partition("/")[0] for name in files} >= {
        "index.html", "holdings.html", "lineage.html", "documents", "checkpoints", "proofs", "log-verification.json",
        "deliveries.csv", "agreements.csv", "accesses.csv", "role-changes.csv", "roles.csv", "alerts.csv", "audit.pub",
    }  # fmt: skip
    assert len(rows_of(files, "deliveries.csv")) == 4
    (access,) = rows_of(files, "accesses.csv")
    assert (access["action"], access["purpose"]) == ("family_explained", "'=spot check")
    assert {row["partner"] for row in rows_of(files, "agreements.csv")} == {"council", "dwp", "police", "schools"}
    assert {row["allowed_today"] for row in rows_of(files, "agreements.csv")} == {"yes"}
    assert sum(name.startswith("proofs/") for name in files) >= 3
    assert hub.rows("select detail ->> 'sha256' from audit.log where action = 'evidence pack made'") == [(made.sha256,)]


def test_nothing_of_a_person_is_in_it(hub: Hub, made: Made) -> None:
    text = b"\n".join(files_of(made.path).values()).decode().lower()
    values = {value for (value,) in hub.rows("select encode(person_ref, 'hex') from identity.record")}
    for path in DOZEN.glob("raw/*/people.csv"):
        with path.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                values |= {row.get(name) or "" for name in ("surname", "nino", "upn", "nhs_number")}
    assert len(values) > 30
    assert [value for value in values if len(value) > 5 and value.lower() in text] == []


def edited(files: Files) -> Files:
    return files | {"accesses.csv": files["accesses.csv"].replace(b"spot check", b"a review")}


def cut(files: Files) -> Files:
    return {name: content for name, content in files.items() if name != "deliveries.csv"}


def added(files: Files) -> Files:
    return files | {"retention-certificates-2.csv": b"number\n1\n"}


@pytest.mark.parametrize(
    ("change", "told"),
    [(edited, "accesses.csv: it is not as it was signed."), (cut, "deliveries.csv: it is gone."),
     (added, "retention-certificates-2.csv: it is not in the manifest.")],
)  # fmt: skip
def test_what_is_changed_shows(
    hub: Hub, made: Made, tmp_path: Path, change: Callable[[Files], Files], told: str
) -> None:
    key = audit.public_key(hub.settings)
    assert key is not None
    path = tmp_path / "changed.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in change(files_of(made.path)).items():
            archive.writestr(name, content)
    assert check_pack(path, key).findings == [told]
    assert told in runner(hub.settings)("verify", "--pack", path, code=1).out


def test_a_manifest_made_anew_is_refused(hub: Hub, made: Made, tmp_path: Path) -> None:
    files = files_of(made.path)
    forged = Ed25519PrivateKey.generate()
    files[SIGNATURE] = forged.sign(files[MANIFEST]).hex().encode()
    path = tmp_path / "forged"
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    key = audit.public_key(hub.settings)
    assert key is not None
    with pytest.raises(KeyMaterialError) as refused:
        check_pack(path, key)
    assert "not signed with this audit key" in refused.value.rule
    assert check_pack(path, forged.public_key()).findings, "checkpoints and proofs are not the forger's"


def test_a_demo_ends_with_why_the_verified_log_and_the_pack(hub: Hub) -> None:
    lines = governance_lines(hub.settings, hub.database, "home")
    assert lines[0].startswith("Why is a family on the list? Family ")
    assert lines[0].endswith(" is on the list.")
    cited = [line for line in lines if ".csv line " in line]
    assert cited
    assert all("under whole-family-2012" in line for line in cited)
    assert any(line.startswith("The audit log is unbroken: ") for line in lines)
    (named,) = [line.removeprefix("Evidence pack: ") for line in lines if line.startswith("Evidence pack: ")]
    key = audit.public_key(hub.settings)
    assert key is not None
    assert check_pack(Path(named), key).whole
    told = [event["job"]["name"] for event in read_events(hub.settings.lineage / LEDGER_FILE)][-8:]
    assert told == [f"governance.{job}" for job in ("roles", "checkpoint", "holdings", "evidence_pack") for _ in "ab"]


def test_cells_are_no_formulas() -> None:
    told = as_csv(["a"], [["=1+1"], ["+44"], ["-1"], ["@x"], [-5], ["plain"], [None], [{"b": 1}]])
    assert told.splitlines() == ["a", "'=1+1", "'+44", "'-1", "'@x", "-5", "plain", '""', '"{""b"": 1}"']

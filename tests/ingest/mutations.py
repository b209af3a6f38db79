"""Ways in which a delivery that lies in the landing folder is not what the partner sent, and whether any gets in; and
ways in which what was sealed is not what the kit would have written, and whether every row of it is accounted for.

Used by the tests in a quick form, and by benchmarks/deliveries.py. A mutation changes a landed folder in place.
"""

from __future__ import annotations

import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipeline.contracts import load_vocabulary
from pipeline.errors import DeliveryError
from pipeline.ingest import take_in
from pipeline.ingest.landing import Landed
from pipeline.ingest.parse import read_table
from pipeline.ingest.quarantine import hex_references, sort_rows, unknown_problems
from pipeline.manifest import MANIFEST_FILE, SIGNATURE_FILE, Manifest, SealedFile
from pipeline.settings import Settings
from pipeline.store.database import Database
from tests.ingest.site import Site

Mutation = Callable[[random.Random, Path, Path], None]  # chance, the landed folder, one accepted before


def flip(chance: random.Random, folder: Path, earlier: Path) -> None:
    """One bit of one file: of its beginning, its middle or its end."""
    path = chance.choice(sorted(folder.iterdir()))
    content = bytearray(path.read_bytes())
    region = chance.choice([0, 1, 2])
    at = min(len(content) - 1, region * len(content) // 3 + chance.randrange(max(1, len(content) // 3)))
    content[at] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def truncate(chance: random.Random, folder: Path, earlier: Path) -> None:
    path = chance.choice(sorted(folder.iterdir()))
    content = path.read_bytes()
    path.write_bytes(content[: chance.randrange(len(content))])


def lengthen(chance: random.Random, folder: Path, earlier: Path) -> None:
    path = chance.choice(sorted(folder.iterdir()))
    path.write_bytes(path.read_bytes() + chance.randbytes(chance.randrange(1, 5000)))


def reorder(chance: random.Random, folder: Path, earlier: Path) -> None:
    """Two pieces of a file, or two files, change places."""
    files = sorted(folder.glob("*.age"))
    if chance.random() < 0.5:
        first, second = chance.sample(files, 2)
        one, other = first.read_bytes(), second.read_bytes()
        first.write_bytes(other)
        second.write_bytes(one)
        return
    path = chance.choice(files)
    content = path.read_bytes()
    cut = len(content) // 2 - chance.randrange(len(content) // 4)
    path.write_bytes(content[cut:] + content[:cut])


def lose_or_add(chance: random.Random, folder: Path, earlier: Path) -> None:
    path = chance.choice(sorted(folder.iterdir()))
    how = chance.randrange(4)
    if how == 0:
        path.unlink()
    elif how == 1:
        (folder / "more.csv.age").write_bytes(chance.randbytes(300))
    elif how == 2:
        path.unlink()
        path.symlink_to("/etc/hostname")
    else:
        path.unlink()
        path.mkdir()


def resend(chance: random.Random, folder: Path, earlier: Path) -> None:
    """A delivery accepted before comes again: under its name, under this one's, or with this one's manifest."""
    how = chance.randrange(3)
    shutil.rmtree(folder)
    target = folder.with_name(earlier.name) if how == 0 else folder
    shutil.copytree(earlier, target)
    if how == 2:
        manifest = Manifest.model_validate_json((target / MANIFEST_FILE).read_bytes())
        name = {"delivery_id": folder.name, "sequence": manifest.sequence + 1}
        (target / MANIFEST_FILE).write_bytes(manifest.model_copy(update=name).to_bytes())


def sign_with_another_key(chance: random.Random, folder: Path, earlier: Path) -> None:
    """As it is, or changed, under a signature that is not the partner's."""
    content = (folder / MANIFEST_FILE).read_bytes()
    if chance.random() < 0.5:
        manifest = Manifest.model_validate_json(content)
        content = manifest.model_copy(update={"sequence": manifest.sequence + chance.randrange(3)}).to_bytes()
        (folder / MANIFEST_FILE).write_bytes(content)
    signature = Ed25519PrivateKey.from_private_bytes(chance.randbytes(32)).sign(content)
    (folder / SIGNATURE_FILE).write_bytes(signature)


MUTATIONS: dict[str, Mutation] = {
    "flipped": flip, "truncated": truncate, "lengthened": lengthen, "reordered": reorder,
    "files lost or added": lose_or_add, "resent": resend, "signed by another key": sign_with_another_key,
}  # fmt: skip


@dataclass
class Tally:
    """What became of the mutated deliveries."""

    tried: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)  # by code; "not whole" for an upload that is left alone
    accepted: list[str] = field(default_factory=list)
    plaintext: list[str] = field(default_factory=list)
    crashed: list[str] = field(default_factory=list)
    seconds: float = 0.0


def try_mutations(
    settings: Settings, database: Database, partner: str, sealed: Path, earlier: Path, number: int, seed: int
) -> Tally:
    """Put `number` mutated copies of a sealed delivery into the landing folder, one after the other, and ingest each.

    `earlier`: a delivery of the partner that was accepted. After each, no opened file may be left at the hub.
    """
    chance, tally, started = random.Random(seed), Tally(), time.perf_counter()
    landing, names = settings.landing(partner), sorted(MUTATIONS)
    for count in range(number):
        name = names[count % len(names)]
        landed = landing / sealed.name
        shutil.copytree(sealed, landed)
        before = {path.name: path.read_bytes() for path in landed.iterdir()}
        MUTATIONS[name](chance, landed, earlier)
        if landed.exists() and _same(landed, before):
            shutil.rmtree(landed)
            continue
        tally.tried[name] += 1
        try:
            taken = take_in(settings, database, partner, patience=0.0)
        except Exception as fault:
            tally.crashed.append(f"{name}: {type(fault).__name__}")
        else:
            tally.accepted += [f"{name}: {outcome.delivery_id}" for outcome in taken.accepted]
            codes = [rejection.code for rejection in taken.rejections] or ["not whole"] * (not taken.outcomes)
            tally.refused.update(codes)
        tally.plaintext += [path.name for path in settings.work.rglob("*") if path.is_file()]
        for left in landing.iterdir():
            shutil.rmtree(left)
        shutil.rmtree(settings.rejected(partner), ignore_errors=True)
    tally.seconds = time.perf_counter() - started
    return tally


def _same(folder: Path, before: dict[str, bytes]) -> bool:
    if {path.name for path in folder.iterdir()} != set(before):
        return False
    return all(
        path.is_file() and not path.is_symlink() and path.read_bytes() == before[path.name] for path in folder.iterdir()
    )


# --- plain content that the kit would never have written ------------------------------------------------------


def mutated_csv(chance: random.Random, content: bytes) -> bytes:
    """A delivered CSV with one to three changes: of bytes, cells, lines or columns."""
    for _ in range(chance.randrange(1, 4)):
        content = chance.choice(CSV_CHANGES)(chance, content)
    return content


def _bytes_flipped(chance: random.Random, content: bytes) -> bytes:
    changed = bytearray(content or b"x")
    for _ in range(chance.randrange(1, 5)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def _inserted(chance: random.Random, content: bytes) -> bytes:
    what = chance.choice([
        b"\0", b'"', b"\n", b"\r\n", b",", b"\xef\xbb\xbf", b"\xff\xfe", b"=1+1", b'"a\nb"', b"\xf0\x9f\x98\x80", b"'",
        b"x" * 1_100_000, b'"' + b"\n" * 500 + b'"', "\u202e".encode(), b"\x1b[2J",
    ])  # fmt: skip
    at = chance.randrange(len(content) + 1)
    return content[:at] + what + content[at:]


def _lines_changed(chance: random.Random, content: bytes) -> bytes:
    lines = content.split(b"\n")
    at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    how = chance.randrange(4)
    if how == 0:
        lines.insert(at, lines[other])
    elif how == 1:
        del lines[at]
    elif how == 2:
        lines[at], lines[other] = lines[other], lines[at]
    else:
        lines[at] = lines[at][: chance.randrange(len(lines[at]) + 1)]
    return b"\n".join(lines)


def _cell_changed(chance: random.Random, content: bytes) -> bytes:
    lines = content.split(b"\n")
    at = chance.randrange(len(lines))
    cells = lines[at].split(b",")
    cells[chance.randrange(len(cells))] = chance.choice([
        b"", b"0" * 32, b"-1", b"1e9", b"NaN", b"2014-02-30", b"9999-12-31", b"=HYPERLINK()", b"true", b"null",
        b"99999999999999999999", b"date_form:start_date", b"made_up:column", "Zoë".encode(), b'"', b" ",
    ])  # fmt: skip
    lines[at] = b",".join(cells)
    return b"\n".join(lines)


def _column_changed(chance: random.Random, content: bytes) -> bytes:
    lines = [line.split(b",") for line in content.split(b"\n")]
    at = chance.randrange(max(len(cells) for cells in lines))
    for cells in lines:
        if len(cells) > at:
            cells.insert(at, cells[at]) if chance.random() < 0.5 else cells.pop(at)
    return b"\n".join(b",".join(cells) for cells in lines)


# Cells most often: the others seldom leave a file that can be read at all.
CSV_CHANGES = [_cell_changed, _cell_changed, _cell_changed, _bytes_flipped, _inserted, _lines_changed, _column_changed]


@dataclass
class Read:
    """What became of the mutated contents: by code of refusal, `loaded` or `with quarantine`."""

    found: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)  # crashes, and rows that were lost
    seconds: float = 0.0


def try_contents(site: Site, folder: Path, number: int, seed: int, partner: str = "council", rows: int = 12) -> Read:
    """Mutate the tables of the partner's draft `number` times; read and sort each as the ingest does, without sealing
    and the database: loaded + quarantined = delivered, or it is refused by a code."""
    contract = site.contract(partner)
    vocabulary = load_vocabulary(site.settings.declarations)
    plain = {}
    for table in contract.tables:
        lines = (site.draft(partner) / f"{table.name}.csv").read_bytes().split(b"\n")
        plain[table.name] = b"\n".join(lines[: rows + 1]) + b"\n"
    landed = Landed(folder=folder / f"{partner}-000001-00000000", partner=partner, signed=True)
    path = folder / "mutated.csv"

    def read(name: str, text: bytes, rows: int) -> pa.Table:
        path.write_bytes(text)
        file = SealedFile(table=name, name=f"{name}.csv.age", rows=rows, bytes=len(text), sha256="0" * 64)
        return read_table(landed, file, path, contract.table(name))

    people = hex_references(read("people", plain["people"], rows)["person_ref"])
    chance, tally, started = random.Random(seed), Read(), time.perf_counter()
    for count in range(number):
        name = contract.tables[count % len(contract.tables)].name
        text = mutated_csv(chance, plain[name])
        stated = max(0, text.count(b"\n") - (0 if chance.random() < 0.1 else 1))
        try:
            delivered = read(name, text, stated)
            if unknown_problems(delivered, contract.table(name)):
                tally.found["unknown_problem"] += 1
                continue
            done = sort_rows(delivered, contract.table(name), vocabulary, None if name == "people" else people)
        except DeliveryError as refusal:
            tally.found[refusal.code] += 1
        except Exception as fault:
            tally.broken.append(f"{count}: {type(fault).__name__}")
        else:
            if done.loaded.num_rows + done.quarantined.num_rows != stated:
                tally.broken.append(f"{count}: rows lost")
            tally.found["with quarantine" if done.quarantined.num_rows else "loaded"] += 1
    tally.seconds = time.perf_counter() - started
    return tally

"""Commands of the information governance lead on the audit log: is it as it was written, and the proof of it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli import why as accounting
from pipeline.cli.options import DatabaseUrl, Home, Json, settings_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PANEL = "Governance"


def add_to(app: typer.Typer) -> None:
    for command in (accounting.why, accounting.history, verify, checkpoint):
        app.command(rich_help_panel=PANEL)(command)


def verify(
    entry: Annotated[int | None, typer.Option("--entry", help="Print the proof that this entry is in the log.")] = None,
    proof: Annotated[
        Path | None, typer.Option("--proof", help="Check such a proof; needs no database.", exists=True, dir_okay=False)
    ] = None,
    witness: Annotated[
        Path | None,
        typer.Option(
            "--witness", help="A folder of checkpoints that somebody else kept.", exists=True, file_okay=False
        ),
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="The audit key's public part, as somebody else kept it (64 hex digits).")
    ] = None,
    pack: Annotated[
        Path | None, typer.Option("--pack", help="Check an evidence pack instead; needs no database.", exists=True)
    ] = None,
    home: Home = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Check that the audit log is as it was written: nothing edited, deleted, reordered, cut, rewritten or forked.

    Example: `wholefamily verify --witness kept-by-the-auditor`

    Example: `wholefamily verify --pack evidence-20260331T063000Z.zip --key HEX`
    """
    from pipeline import audit
    from pipeline.store.database import open_database

    settings = settings_of(home, database_url)
    if proof is not None:
        _check_proof(proof, key, home)
        return
    if pack is not None:
        _check_pack(pack, key, home, as_json)
        return
    with open_database(settings) as database:
        if entry is not None:
            typer.echo(json.dumps(audit.prove(settings, database, entry), indent=2))
            return
        verdict = audit.verify(settings, database, witness, key)
    if as_json:
        typer.echo(json.dumps({"whole": verdict.whole, **dataclasses.asdict(verdict)}, indent=2))
    elif verdict.whole:
        typer.echo(
            f"The log is unbroken: {verdict.entries} entries, {verdict.covered} of them under a signed checkpoint "
            f"({verdict.checkpoints} compared)."
        )
    else:
        typer.echo(f"The log is NOT as it was left: {len(verdict.findings)} findings in {verdict.entries} entries.")
        for one in verdict.findings:
            typer.echo(f"  {one.kind}: {one.where}: {one.what}")
    if not as_json:
        for note in verdict.notes:
            typer.echo(f"Note: {note}")
    if not verdict.whole:
        raise typer.Exit(1)


def _checked_with(key: str | None, home: Path | None) -> Ed25519PublicKey:
    from pipeline import audit
    from pipeline.errors import KeyMaterialError

    found = audit.public_key(settings_of(home), key)
    if found is None:
        raise KeyMaterialError(
            where="--key",
            rule="there is no audit key here to check with.",
            remedy="give the public part that you were handed, as --key (64 hex digits).",
        )
    return found


def _check_pack(pack: Path, key: str | None, home: Path | None, as_json: bool) -> None:
    from pipeline.holdings.pack import check_pack

    verdict = check_pack(pack, _checked_with(key, home))
    if as_json:
        typer.echo(json.dumps({"whole": verdict.whole, **dataclasses.asdict(verdict)}, indent=2))
    elif verdict.whole:
        typer.echo(f"The pack of {verdict.made_at} is as it was signed: {verdict.files} files, checkpoints and proofs.")
    else:
        typer.echo(f"The pack of {verdict.made_at} is NOT as it was signed: {len(verdict.findings)} findings.")
        for text in verdict.findings:
            typer.echo(f"  {text}")
    if not verdict.whole:
        raise typer.Exit(1)


def _check_proof(proof: Path, key: str | None, home: Path | None) -> None:
    from pipeline import audit
    from pipeline.errors import KeyMaterialError

    checked_with = _checked_with(key, home)
    try:
        told = json.loads(proof.read_text(encoding="utf-8"))
    except ValueError:
        raise KeyMaterialError(
            where=str(proof), rule="it is not JSON.", remedy="make it by: wholefamily verify --entry N --json"
        ) from None
    checkpoint = audit.check_proof(told, checked_with)
    entry = told["entry"]
    typer.echo(
        f"Proved: entry {entry['entry_id']} ({entry['action']}, {entry['at']}) is in the log of {checkpoint.size} "
        f"entries that checkpoint {checkpoint.number} of {checkpoint.at} was signed over."
    )


def checkpoint(home: Home = None, database_url: DatabaseUrl = None, as_json: Json = False) -> None:
    """Check and sign the audit log, keep the checkpoint outside the database, and send it to the witness if one is set.

    Example: `wholefamily checkpoint`
    """
    from pipeline import audit
    from pipeline.holdings import traced
    from pipeline.store.database import open_database

    settings = settings_of(home, database_url)
    with open_database(settings) as database:
        with traced.step(settings, "governance.roles", reads=["roles"], writes=["audit.log"]):
            roles = audit.record_role_changes(database)
        with traced.step(settings, "governance.checkpoint", reads=["audit.log"], writes=["checkpoints"]):
            kept = audit.write_checkpoint(settings, database)
        with traced.step(settings, "governance.witness", reads=["checkpoints"], writes=["witness"]):
            sent = audit.tell_witness(settings, database)
    told = {
        "number": kept.checkpoint.number, "entries": kept.checkpoint.size, "root": kept.checkpoint.root.hex(),
        "file": str(kept.path), "sent_to_witness": sent, "role_changes": roles["added"] + roles["removed"],
    }  # fmt: skip
    if as_json:
        typer.echo(json.dumps(told, indent=2))
        return
    public = (settings.hub_keys / "audit.pub").read_text(encoding="ascii").strip()
    typer.echo(f"Checkpoint {told['number']}: {told['entries']} entries, root {told['root']}.\nKept in {told['file']}")
    typer.echo(f"Sent to the witness: {sent}. Public key, to be kept elsewhere: {public}")

"""Commands of the information governance lead for data subjects' requests (UK GDPR Articles 15 to 21)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.options import DatabaseUrl, Home, Json, contract_of, settings_of
from pipeline.terminal import console

if TYPE_CHECKING:
    from pipeline.rights.acts import Done

PANEL = "Governance"
app = typer.Typer(
    help="What people may ask of us: access, rectification, restriction, objection, erasure. Somebody decides each.",
    no_args_is_help=True,
)
Partner = Annotated[str, typer.Argument(help="The partner that passed the request on.")]
Pseudonym = Annotated[str, typer.Argument(help="The person's pseudonym at that partner (32 hex digits).")]
Request = Annotated[str, typer.Argument(help="The request's number, as `rights list` shows it.")]
By = Annotated[str, typer.Option("--by", help="Who decided it; it is logged.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, in one line; no name of a data subject.")]


def add_to(whole: typer.Typer) -> None:
    for command in (pseudonym, access, rectify, ask, object_to, restrict, lift, erase, refuse, requests, replay, find):
        app.command("object" if command is object_to else "list" if command is requests else None)(command)
    whole.add_typer(app, name="rights", rich_help_panel=PANEL)
    whole.command(rich_help_panel=PANEL)(retention)


def pseudonym(
    partner: Partner,
    reference: Annotated[
        str, typer.Option("--reference", prompt=True, help="Your own reference of the person; asked for when left out.")
    ],
    home: Home = None,
) -> None:
    """At the partner: the pseudonym of one of your own references, to pass on to the hub. The hub sees no reference.

    Example: `wholefamily rights pseudonym schools`
    """
    import pyarrow as pa

    from pipeline.partner.hashing import TOKEN_BYTES, hmac_each
    from pipeline.partner.keys import load_partner_keys
    from pipeline.partner.tokens import PERSON_REFERENCE

    settings = settings_of(home)
    keys = load_partner_keys(settings, contract_of(settings, partner).partner)
    digest = hmac_each(keys.reference_key(PERSON_REFERENCE), pa.array([reference.strip()], pa.string()))
    typer.echo(bytes(digest[0, :TOKEN_BYTES]).hex())


def access(
    partner: Partner,
    pseudonym: Pseudonym,
    out: Annotated[Path, typer.Option("--out", help="A new folder for what is handed to the person.")],
    by: By,
    reason: Reason,
    home: Home = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Everything held about a person, with where it came from; nobody else is shown (Art 15).

    Example: `wholefamily rights access schools 0f… --out for-the-person --by "J. Lead" --reason "asked in writing"`
    """
    from pipeline.rights.access import give_access
    from pipeline.rights.acts import whom

    settings, opened = _open(home, database_url, partner)
    with opened as database:
        given = give_access(settings, database, whom(settings, database, partner, pseudonym, by, reason), out)
    if as_json:
        typer.echo(json.dumps({"request": given.done.request, "rows": given.rows, "not_shown": given.not_shown}))
        return
    typer.echo(f"Request {given.done.request}: {sum(given.rows.values())} rows written to {given.folder}.")
    for text in given.not_shown:
        typer.echo(f"Not shown: {text}")
    typer.echo("Read index.html before you hand it over; delete the folder afterwards: an erasure does not find it.")


def rectify(
    partner: Partner,
    pseudonym: Pseudonym,
    out: Annotated[Path, typer.Option("--out", help="Folder for the files that go to the partners who sent the rows.")],
    by: By,
    reason: Reason,
    line: Annotated[
        list[str] | None,
        typer.Option("--line", help="DELIVERY:TABLE:LINE, as access shows it; several; without it the whole record."),
    ] = None,
    home: Home = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Rows that the person says are wrong: marked, and sent back to the partner that delivered them (Art 16).

    The partner reads its file with `wholefamily rejected`, and delivers the person again, corrected or not.

    Example: `wholefamily rights rectify schools 0f… --line schools-000001-1f3a9c04:events:2 --out to-schools
    --by "J. Lead" --reason "says the exclusion was withdrawn"`
    """
    from pipeline.rejections import write_rejections
    from pipeline.rights.acts import contest, whom
    from pipeline.rights.contest import rectifications

    settings, opened = _open(home, database_url, partner)
    with opened as database:
        asked = whom(settings, database, partner, pseudonym, by, reason)
        done, chosen = contest(settings, database, asked, [_line(one) for one in line or ()])
    for file in rectifications(chosen):
        path = out / f"{done.request}-{file.delivery_id}.json"
        write_rejections(file, path)
        typer.echo(f"{len(file.rows)} rows for {file.partner}: {path}")
    typer.echo(
        f"Request {done.request}: contested until the partner has sent the person again. Next: wholefamily build"
    )


def ask(
    right: Annotated[str, typer.Argument(help="erasure, restriction, rectification or access.")],
    partner: Partner,
    pseudonym: Pseudonym,
    by: By,
    reason: Reason,
    home: Home = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Record a request that somebody will decide: by `erase`, or by `refuse` with a ground.

    Example: `wholefamily rights ask erasure schools 0f… --by "J. Lead" --reason "letter of 3 May"`
    """
    from pipeline.rights import acts
    from pipeline.rights.declared import RIGHTS

    if right not in RIGHTS or right == "objection":
        raise typer.BadParameter("erasure, restriction, rectification or access; an objection is `rights object`")
    settings, opened = _open(home, database_url, partner)
    with opened as database:
        done = acts.ask(settings, database, acts.whom(settings, database, partner, pseudonym, by, reason), right)
    typer.echo(f"Request {done.request} is open.")


def object_to(
    partner: Partner,
    pseudonym: Pseudonym,
    by: By,
    reason: Reason,
    home: Home = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Record an objection (Art 21): the data are held and not used until somebody erases, or refuses with a ground.

    Example: `wholefamily rights object schools 0f… --by "J. Lead" --reason "letter of 3 May"`
    """
    from pipeline.rights import acts

    settings, opened = _open(home, database_url, partner)
    with opened as database:
        done = acts.object_to(settings, database, acts.whom(settings, database, partner, pseudonym, by, reason))
    _told(done, "is open; meanwhile the data are held and neither shown nor used")


def restrict(
    partner: Partner,
    pseudonym: Pseudonym,
    by: By,
    reason: Reason,
    home: Home = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Hold a person's data, neither shown nor used, until it is lifted (Art 18).

    Example: `wholefamily rights restrict schools 0f… --by "J. Lead" --reason "accuracy is being checked"`
    """
    from pipeline.rights import acts

    settings, opened = _open(home, database_url, partner)
    with opened as database:
        done = acts.restrict(settings, database, acts.whom(settings, database, partner, pseudonym, by, reason))
    _told(done, "is carried out: held, and neither shown nor used")


def lift(request: Request, by: By, reason: Reason, home: Home = None, database_url: DatabaseUrl = None) -> None:
    """Lift a restriction: what is held comes back as it stood.

    Example: `wholefamily rights lift R-1f3a9c04 --by "J. Lead" --reason "checked, and right"`
    """
    from pipeline.rights import acts

    settings, opened = _open(home, database_url)
    with opened as database:
        done = acts.lift(settings, database, request, by, reason)
    _told(done, "is lifted")


def erase(
    partner: Partner,
    pseudonym: Pseudonym,
    by: By,
    reason: Reason,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    home: Home = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Erase a person for good: every row, page and sealed copy; what comes of them later is not loaded (Art 17, 21).

    Somebody has decided this: an open request of the person for it is granted. It cannot be undone.

    Example: `wholefamily rights erase schools 0f… --by "J. Lead" --reason "objection upheld"`
    """
    from pipeline.rights import acts

    settings, opened = _open(home, database_url, partner)
    with opened as database:
        asked = acts.whom(settings, database, partner, pseudonym, by, reason)
        if not yes:
            typer.confirm(
                f"Erase {len(asked.references)} records of this person, at every partner, for good?", abort=True
            )
        done = acts.erase(settings, database, asked)
    _told(done, "is carried out: erased")
    if done.counts.get("sealed_copies"):
        typer.echo(
            "Sealed copies are gone: a delivery withdrawn before the partner's next full one leaves its feed empty."
        )


def refuse(
    request: Request,
    ground: Annotated[str, typer.Option("--ground", help="The ground in law, of schemas/rights.yaml.")],
    by: By,
    reason: Reason,
    home: Home = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Refuse an open request, on a ground in law and with the reason; the person is told both.

    Example: `wholefamily rights refuse R-1f3a9c04 --ground public_task --by "J. Lead" --reason "child protection"`
    """
    from pipeline.rights import acts

    settings, opened = _open(home, database_url)
    with opened as database:
        done = acts.refuse(settings, database, request, ground, by, reason)
    _told(done, "is refused")


def requests(home: Home = None, database_url: DatabaseUrl = None, as_json: Json = False) -> None:
    """Every request: what was asked, when an answer is due, and what was decided.

    Example: `wholefamily rights list`
    """
    from pipeline.rights.register import read_requests, requests_table

    _settings, opened = _open(home, database_url)
    with opened as database:
        rows = read_requests(database)
    if as_json:
        typer.echo(json.dumps(rows, default=str))
    else:
        console().print(requests_table(rows))


def replay(home: Home = None, database_url: DatabaseUrl = None, as_json: Json = False) -> None:
    """After a restored backup: carry out again what was decided since it was taken, before anybody reads.

    Example: `wholefamily rights replay`
    """
    from pipeline.rights import keep_up

    settings, opened = _open(home, database_url)
    with opened as database:
        told = keep_up(settings, database)
    if as_json:
        typer.echo(json.dumps(told))
    elif told:
        for one in told:
            typer.echo(f"{one['request']}: {one['act']} carried out again ({one.get('rows', 0)} rows).")
    else:
        typer.echo("The database knows everything that was decided.")


def find(
    pseudonyms: Annotated[list[str], typer.Argument(help="Pseudonyms (32 hex digits each).")],
    home: Home = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Look for pseudonyms in every column of every table and in every file of the hub; exit code 14 where one is found.

    Example: `wholefamily rights find 0f…`
    """
    from pipeline.errors import RightsError
    from pipeline.rights.acts import PSEUDONYM
    from pipeline.rights.scan import Sought, scan_files, scan_tables

    if not all(PSEUDONYM.fullmatch(one) for one in pseudonyms):
        raise typer.BadParameter("a pseudonym is 32 hex digits")
    settings, opened = _open(home, database_url)
    sought = Sought(frozenset(bytes.fromhex(one) for one in pseudonyms))
    with opened as database, database.connect() as connection:
        hits = scan_tables(connection, sought) + scan_files(settings, sought)
    if as_json:
        typer.echo(json.dumps({"found": {hit.where: hit.times for hit in hits}}))
    else:
        for hit in hits:
            typer.echo(f"{hit.where}: {hit.times}")
        if not hits:
            typer.echo("0 rows found in any table, file or report.")
    if hits:
        raise typer.Exit(RightsError.exit_code)


def _open(home: Path | None, database_url: str | None, partner: str | None = None) -> tuple[Any, Any]:
    from pipeline.store.database import open_database

    settings = settings_of(home, database_url)
    if partner is not None:
        contract_of(settings, partner)
    return settings, open_database(settings)


def _line(text: str) -> Any:
    from pipeline.rights.ledger import Line

    delivery, _, rest = text.partition(":")
    table, _, row = rest.partition(":")
    if not table or not row.isdigit():
        raise typer.BadParameter("write it as DELIVERY:TABLE:LINE", param_hint="--line")
    return Line(delivery, table, int(row))


def _told(done: Done, what: str) -> None:
    counts = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in done.counts.items())
    typer.echo(f"Request {done.request} {what}{f' ({counts})' if counts else ''}.")
    if done.doubtful:
        typer.echo(f"Not acted on: {done.doubtful} records that may be the same person; see: wholefamily review list")
    typer.echo("What is published of the families touched is gone; the next build says it anew: wholefamily build")


def retention(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be destroyed.")] = False,
    check: Annotated[
        Path | None, typer.Option("--check", help="Check a certificate of destruction.", exists=True, dir_okay=False)
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="With --check: the audit key's public part (64 hex digits).")
    ] = None,
    home: Home = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Destroy what the agreements let be held no longer, and certify it; every night by `governance_nightly`.

    Example: `wholefamily retention --dry-run`
    """
    from dataclasses import asdict

    from pipeline.rights.register import retention_table
    from pipeline.rights.retention import keep_to_retention, limits_told

    if check is not None:
        _check_certificate(check, key, home)
        return
    settings, opened = _open(home, database_url)
    with opened as database:
        done = keep_to_retention(settings, database, dry_run=dry_run)
    if as_json:
        told = {"limits": limits_told(done.limits), "destroyed": [asdict(one) for one in done.destroyed]}
        typer.echo(json.dumps({**told, "certificate": str(done.certificate) if done.certificate else None}, indent=2))
        return
    console().print(retention_table(done))
    if done.certificate:
        typer.echo(f"Destroyed. Certificate: {done.certificate}\nWhat is published changes with: wholefamily build")
    elif done.destroyed:
        typer.echo("Nothing was destroyed: this was a dry run.")
    else:
        typer.echo("Nothing is held longer than the agreements say.")


def _check_certificate(path: Path, key: str | None, home: Path | None) -> None:
    from pipeline import audit
    from pipeline.errors import KeyMaterialError
    from pipeline.rights.certificate import check_certificate

    checked_with = audit.public_key(settings_of(home), key)
    if checked_with is None:
        raise KeyMaterialError(
            where="--key",
            rule="there is no audit key here to check with.",
            remedy="give the public part that you were handed, as --key (64 hex digits).",
        )
    told = check_certificate(path, checked_with)
    typer.echo(f"Certificate {told['number']} of {told['at']} is as it was signed: {told['rows']} rows destroyed.")

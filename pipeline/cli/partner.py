"""Commands of the partner's data officer: keys, pseudonymise, deliver, reveal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.linkage_keys import check, install
from pipeline.cli.options import Home, Json, contract_of, contracts_of, day, settings_of
from pipeline.terminal import console, progress_bar

PANEL = "At the partner"
keys_app = typer.Typer(help="Make and exchange the keys of the zones.", no_args_is_help=True)

Partner = Annotated[str, typer.Argument(help="The partner, as its contract is named.")]
Raw = Annotated[Path, typer.Argument(help="Folder with the extract: people.csv, residences.csv, …")]
Outbox = Annotated[
    Path | None, typer.Option("--out", "--outbox", help="Outbox folder (default: the partner's, in the home).")
]
Since = Annotated[str | None, typer.Option("--from", help="First day the extract covers (YYYY-MM-DD).")]
Until = Annotated[str | None, typer.Option("--to", help="Last day the extract covers (YYYY-MM-DD).")]
Delta = Annotated[bool, typer.Option("--delta", help="Only who is new, changed or gone since the last delivery sent.")]
SinceDelivery = Annotated[
    str | None, typer.Option("--since-delivery", help="A delta since this delivery, when a later one was rejected.")
]
KeyVersion = Annotated[
    int | None, typer.Option("--key-version", help="Of the linkage key (default: the newest declared that is here).")
]
LandingPlace = Annotated[
    str | None,
    typer.Option(
        "--landing",
        help="Where this partner hands over: a folder, or a URL as sftp://schools@files.example.org/to-hub "
        "(default: WHOLEFAMILY_LANDING, else the home's landing folder).",
    ),
]


def add_to(app: typer.Typer) -> None:
    keys_app.command("install")(install)
    keys_app.command("check")(check)
    app.add_typer(keys_app, name="keys", rich_help_panel=PANEL)
    app.command(rich_help_panel=PANEL)(pseudonymise)
    app.command(rich_help_panel=PANEL)(deliver)
    app.command(rich_help_panel=PANEL)(send)
    app.command(rich_help_panel=PANEL)(sent)
    app.command(rich_help_panel=PANEL)(rejected)
    app.command(rich_help_panel=PANEL)(reveal)


@keys_app.command("all")
def keys_all(home: Home = None) -> None:
    """Make every key on one machine, for a trial: hub, linkage key, each partner's keys, exchanged.

    Example: `wholefamily keys all --home trial`
    """
    from pipeline.installation import make_all_keys

    settings = settings_of(home)
    made = make_all_keys(settings, sorted(contracts_of(settings)))
    typer.echo(f"Keys of {', '.join(made) or 'nobody new'} made in {settings.home}; existing keys were kept.")


@keys_app.command("hub")
def keys_hub(home: Home = None) -> None:
    """At the hub: make the key that opens deliveries; prints the recipient to hand to the partners.

    Example: `wholefamily keys hub --home /srv/wholefamily`
    """
    from pipeline.ingest.keys import create_hub_keys

    typer.echo(create_hub_keys(settings_of(home)))


@keys_app.command("linkage")
def keys_linkage(
    out: Annotated[
        Path | None, typer.Option("--out", help="Where to write the key; carry it to each partner by hand.")
    ] = None,
    version: Annotated[int, typer.Option("--version", min=1, max=999, help="Which version of the key it is.")] = 1,
) -> None:
    """By one partner or a trusted third party, never the hub: make the linkage key that all partners share.

    Example: `wholefamily keys linkage --version 2 --out linkage-v2.key`
    """
    from pipeline.partner.keys import create_linkage_key

    target = out or Path(f"linkage-v{version}.key")
    create_linkage_key(target)
    typer.echo(f"Linkage key, version {version}: {target}. Give it to the partners only; the hub must never hold it.")


@keys_app.command("partner")
def keys_partner(
    partner: Partner,
    linkage_key: Annotated[Path, typer.Option("--linkage-key", help="The linkage key all partners share.")],
    hub_recipient: Annotated[str, typer.Option("--hub-recipient", help="The hub's age recipient (age1…).")],
    version: Annotated[
        int | None, typer.Option("--version", help="Version of the linkage key (default: the newest declared).")
    ] = None,
    home: Home = None,
) -> None:
    """At a partner: make its own keys; prints the public key to hand to the hub.

    Example: `wholefamily keys partner schools --linkage-key linkage-v1.key --hub-recipient age1…`
    """
    from pipeline.contracts import load_encoding
    from pipeline.partner.keys import create_partner_keys, install_hub_recipient, install_linkage_key

    settings = settings_of(home)
    contract_of(settings, partner)
    public = create_partner_keys(settings, partner)
    newest = load_encoding(settings.declarations).key_version
    install_linkage_key(settings, partner, linkage_key, version or newest)
    install_hub_recipient(settings, partner, hub_recipient)
    typer.echo(public)


@keys_app.command("register")
def keys_register(
    partner: Partner,
    public_key: Annotated[str, typer.Argument(help="The partner's public key, 64 hex digits.")],
    home: Home = None,
) -> None:
    """At the hub: register the public key that a partner signs its deliveries with.

    Example: `wholefamily keys register schools 3b6a…`
    """
    from pipeline.ingest.keys import register_partner

    settings = settings_of(home)
    contract_of(settings, partner)
    register_partner(settings, partner, public_key)
    typer.echo(f"Registered: deliveries of {partner} are verified with this key from now on.")


@keys_app.callback()
def _keys() -> None:
    """Keys are random, made per installation, kept in files only their owner can read, and never printed."""


def pseudonymise(
    partner: Partner,
    raw: Raw,
    out: Outbox = None,
    since: Since = None,
    until: Until = None,
    delta: Delta = False,
    since_delivery: SinceDelivery = None,
    key_version: KeyVersion = None,
    home: Home = None,
) -> None:
    """Pseudonymise an extract into the outbox and print what would leave the building. Nothing is sent.

    The folder holds the whole extract, for a delta too: the kit itself finds what has changed.

    Example: `wholefamily pseudonymise schools extracts/schools --from 2011-08-01 --to 2014-07-31 --delta`
    """
    draft = _draft(partner, raw, out, (since, until), delta, since_delivery, key_version, home)
    console().print(f"Written to {draft}. Look at it; then deliver it with the command `deliver`.", highlight=False)


def send(
    partner: Partner,
    raw: Raw,
    outbox: Outbox = None,
    landing: LandingPlace = None,
    since: Since = None,
    until: Until = None,
    delta: Delta = False,
    since_delivery: SinceDelivery = None,
    key_version: KeyVersion = None,
    yes: Annotated[bool, typer.Option("--yes", help="Deliver without asking: for a nightly job.")] = False,
    home: Home = None,
) -> None:
    """From the extract to the hub in one go: pseudonymise, show what leaves, ask, seal and hand over.

    Example: `wholefamily send schools extracts/schools --from 2011-08-01 --to 2014-07-31`
    """
    draft = _draft(partner, raw, outbox, (since, until), delta, since_delivery, key_version, home)
    if not yes and not typer.confirm("Seal this and hand it over to the hub?"):
        typer.echo(f"Nothing was sent. The draft stands in {draft}.")
        raise typer.Exit(1)
    deliver(partner, outbox, landing, home)


def _draft(
    partner: str,
    raw: Path,
    out: Path | None,
    period: tuple[str | None, str | None],
    delta: bool,
    since_delivery: str | None,
    key_version: int | None,
    home: Path | None,
) -> Path:
    """Make a draft and show what would leave; returns its folder."""
    from pipeline.partner.memory import give_back_memory

    give_back_memory()
    from pipeline.installation import pseudonymise_extract

    settings = settings_of(home)
    contract = contract_of(settings, partner)
    terminal = console()
    with progress_bar(f"Pseudonymise {partner}", terminal) as progress:
        preview, draft = pseudonymise_extract(
            settings,
            contract,
            raw,
            out=out,
            since=day(period[0], "--from"),
            until=day(period[1], "--to"),
            delta=delta,
            since_delivery=since_delivery,
            key_version=key_version,
            progress=progress,
        )
    terminal.print(preview.table())
    return draft


def deliver(
    partner: Partner,
    outbox: Outbox = None,
    landing: LandingPlace = None,
    home: Home = None,
) -> None:
    """Seal what stands in the outbox (encrypted to the hub, signed) and hand it over to the hub, the signature last.

    Example: `wholefamily deliver schools`
    """
    from pipeline.installation import seal_and_deliver

    settings = settings_of(home)
    for landed in seal_and_deliver(settings, contract_of(settings, partner), outbox=outbox, landing=landing):
        typer.echo(f"Delivered {landed.name} into {landed.parent}")


def rejected(
    partner: Partner,
    file: Annotated[Path, typer.Argument(help="The hub's file of rejected rows.")],
    raw: Annotated[Path, typer.Option("--raw", help="Folder with the extract that was sent.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Write all of them, in clear, as CSV for a spreadsheet.")
    ] = None,
    home: Home = None,
) -> None:
    """Show the rows that the hub could not use: file, line, column, rule, and whose they are, in your own references.

    Mend them in the source system; the next delivery (a delta is enough) clears them.

    Example: `wholefamily rejected schools schools-000002-1f3a9c04.json --raw extracts/schools --out to-mend.csv`
    """
    from pipeline.partner.keys import load_partner_keys
    from pipeline.partner.rejected import lines_table, own_lines, write_lines
    from pipeline.rejections import read_rejections

    settings = settings_of(home)
    contract = contract_of(settings, partner)
    rejections = read_rejections(file)
    if rejections.reason:
        typer.echo(f"All of {rejections.delivery_id} is rejected: {rejections.reason} What to do: {rejections.remedy}")
    lines = own_lines(contract, load_partner_keys(settings, partner), rejections, raw)
    if lines:
        console().print(lines_table(lines))
    else:
        typer.echo("No row is listed.")
    if out is not None:
        write_lines(lines, out)
        typer.echo(f"Written to {out}; it is in clear, so keep it at home.")


def sent(partner: Partner, home: Home = None, as_json: Json = False) -> None:
    """List what was sent, and when: number, kind, rows by table.

    Example: `wholefamily sent schools`
    """
    import json
    from dataclasses import asdict

    from pipeline.partner.seal import LEDGER_FILE, sent_deliveries
    from pipeline.partner.sent import sent_table

    settings = settings_of(home)
    contract_of(settings, partner)
    entries = sent_deliveries(settings.partner_home(partner) / LEDGER_FILE)
    if as_json:
        typer.echo(json.dumps([asdict(entry) for entry in entries]))
    else:
        console().print(sent_table(entries))


def reveal(
    partner: Partner,
    pseudonym: Annotated[str, typer.Argument(help="The pseudonym, 32 hex digits.")],
    raw: Annotated[Path, typer.Option("--raw", help="Folder with the partner's own extract.")],
    reason: Annotated[str, typer.Option("--reason", help="Why the person must be known.")],
    approver: Annotated[str, typer.Option("--approver", help="Who approved it.")],
    home: Home = None,
) -> None:
    """Turn one of the partner's own pseudonyms back into its reference. The reason and approver are logged.

    Example: `wholefamily reveal schools 0f3a… --raw extracts/schools --reason "family visit" --approver "J. Smith"`
    """
    from pipeline.partner.keys import load_partner_keys
    from pipeline.partner.reveal import reveal as turn_back

    settings = settings_of(home)
    contract = contract_of(settings, partner)
    keys = load_partner_keys(settings, partner)
    typer.echo(turn_back(settings, contract, keys, pseudonym, raw, reason=reason, approver=approver))

"""Commands about the versions of the linkage key that a partner holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import Home, Json, contract_of, settings_of
from pipeline.terminal import console


def install(
    partner: Annotated[str, typer.Argument(help="The partner, as its contract is named.")],
    file: Annotated[Path, typer.Argument(help="The linkage key, as it was carried here.")],
    version: Annotated[int, typer.Option("--version", min=1, max=999, help="Which version of the linkage key it is.")],
    home: Home = None,
) -> None:
    """At a partner: keep a new version of the linkage key beside the one in use.

    Example: `wholefamily keys install schools linkage-v2.key --version 2`
    """
    from pipeline.partner.keys import install_linkage_key

    settings = settings_of(home)
    contract_of(settings, partner)
    install_linkage_key(settings, partner, file, version)
    typer.echo(f"Linkage key, version {version}, is held by {partner}. Delete {file} now: it was for the way only.")


def check(
    partner: Annotated[str, typer.Argument(help="The partner, as its contract is named.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """At a partner: which versions of the linkage key it holds, each with a check word to compare by telephone.

    Partners whose words differ hold different keys. The word is a hash of the encoded public test persons, which every
    delivery carries too; it tells nothing of the key.

    Example: `wholefamily keys check schools`
    """
    import json

    from rich.table import Table

    from pipeline.contracts import load_encoding
    from pipeline.partner.keys import held_versions, load_partner_keys
    from pipeline.partner.known_answers import check_word

    settings = settings_of(home)
    contract_of(settings, partner)
    encoding = load_encoding(settings.declarations)
    rows = [
        {
            "version": version,
            "declared": version in encoding.key_versions,
            "check_word": check_word(encoding, load_partner_keys(settings, partner, version)),
        }
        for version in held_versions(settings, partner)
    ]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = Table("Version", "Deliveries are made under it", "Check word", title=f"Linkage keys of {partner}")
    for row in rows:
        table.add_row(str(row["version"]), "yes" if row["declared"] else "no", str(row["check_word"]))
    console().print(table)

"""The ledger's events, sent on to an OpenLineage server where one is set; the ledger stays the record.

WHOLEFAMILY_OPENLINEAGE_URL names the server (`https://lineage.council.example`; http only on this machine); a key that
it asks for stands in `hub/keys/openlineage-key` (mode 0600). How far has been sent is kept beside the ledger, so that
a server that was away gets what it missed, in order; an event may come twice, never not at all.
"""

from __future__ import annotations

import fcntl
import http.client
import json
import logging
import os
import urllib.error
import urllib.request
from pathlib import Path

from pipeline.errors import DeclarationError
from pipeline.lineage.ledger import LEDGER_FILE
from pipeline.settings import Settings

log = logging.getLogger(__name__)
ENDPOINT = "/api/v1/lineage"
KEY_FILE = "openlineage-key"
SENT_FILE = "sent"
SECONDS = 5.0  # a server that does not answer must not hold up the night
MOST_AT_ONCE = 2_000
LOOPBACKS = ("http://127.0.0.1", "http://localhost", "http://[::1]")


def server(environment: dict[str, str] | os._Environ[str] = os.environ) -> str | None:
    """The address of the server to send to, if one is set. Raises DeclarationError for one without encryption."""
    url = environment.get("WHOLEFAMILY_OPENLINEAGE_URL", "").rstrip("/")
    if not url:
        return None
    if not url.startswith("https://") and not url.startswith(LOOPBACKS):
        raise DeclarationError(
            where="WHOLEFAMILY_OPENLINEAGE_URL",
            rule="events are sent over https only (http to this machine alone).",
            remedy="give an address that starts with https://",
        )
    return url


def forward(settings: Settings) -> int:
    """Send what has not been sent yet, in order; returns how many events went. A server that is away or refuses is
    logged, and asked again the next time. Raises DeclarationError for an address that may not be used."""
    url = server()
    ledger = settings.lineage / LEDGER_FILE
    if url is None or not ledger.exists():
        return 0
    sent = 0
    with (settings.lineage / SENT_FILE).open("a+", encoding="ascii") as kept:
        fcntl.flock(kept, fcntl.LOCK_EX)
        kept.seek(0)
        place = int(kept.read().strip() or 0)
        with ledger.open("rb") as events:
            events.seek(place)
            for line in events:
                if sent == MOST_AT_ONCE or not line.endswith(b"\n") or not _post(url, line, settings):
                    break
                place, sent = place + len(line), sent + 1
        kept.seek(0)
        kept.truncate()
        kept.write(str(place))
    return sent


def _post(url: str, line: bytes, settings: Settings) -> bool:
    request = urllib.request.Request(  # noqa: S310 - the scheme was checked
        url + ENDPOINT, data=line.strip(), headers={"Content-Type": "application/json", **_key(settings.hub_keys)}
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
            answer.read(1)
    except urllib.error.HTTPError as refused:
        if refused.code in (400, 409, 422):  # it will refuse this event for ever: go on with the next
            log.warning("The OpenLineage server refused an event of %s (%s).", _job(line), refused.code)
            return True
        log.warning("The OpenLineage server did not take events (%s); they are sent the next time.", refused.code)
        return False
    except (OSError, http.client.HTTPException) as away:
        log.warning("The OpenLineage server is away (%s); events are sent the next time.", type(away).__name__)
        return False
    return True


def _key(folder: Path) -> dict[str, str]:
    path = folder / KEY_FILE
    return {"Authorization": f"Bearer {path.read_text(encoding='ascii').strip()}"} if path.is_file() else {}


def _job(line: bytes) -> str:
    return str(json.loads(line)["job"]["name"])

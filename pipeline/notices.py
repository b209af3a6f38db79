"""Tell people of what went wrong at night, by e-mail or webhook: what, where, which rule, what to do; never a value.

Where to is the installation's own, in `hub/notices.yaml`; without the file nothing is sent, and `logs/alerts.log` of
Airflow's home has every alert all the same. Passwords and webhook addresses stand in files of their own beside the
hub's keys, and are in no message, log or repr.
"""

from __future__ import annotations

import datetime as dt
import json
import smtplib
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from pipeline.contracts.reading import read_yaml, require
from pipeline.settings import Settings

SECURITIES = ("starttls", "tls", "none")
LOOPBACKS = ("127.0.0.1", "::1", "localhost")
SECONDS = 10.0  # a mail server that does not answer must not hold up the night
RUNBOOK = "docs/runbook.md"
# What sending may raise. Their texts may hold an address or a secret: tell of their kind alone.
FAILURES = (OSError, smtplib.SMTPException, urllib.error.URLError, ValueError)
# Every alert there is, as the runbook names it.
ALERTS = (
    "ingest-failed", "build-failed", "governance-failed", "feed-late", "task-ended", "too-long", "disk-full",
    "log-changed", "witness-away", "agreement-expiring", "test",
)  # fmt: skip


@dataclass(frozen=True)
class Notice:
    """One alert. `what` is what happened (`ingest_dwp.take_in_deliveries`), `alert` its entry in the runbook."""

    alert: str
    what: str
    text: str
    at: dt.datetime

    def fields(self) -> dict[str, str]:
        """What a webhook gets, as JSON."""
        return asdict(self) | {"at": self.at.isoformat(timespec="seconds"), "runbook": f"{RUNBOOK}#{self.alert}"}


@dataclass(frozen=True)
class Email:
    host: str
    port: int
    security: str
    sender: str
    recipients: tuple[str, ...]
    username: str | None
    password_file: Path | None


@dataclass(frozen=True)
class Webhook:
    url_file: Path


Route = Email | Webhook


def routes(settings: Settings) -> list[Route]:
    """Where this installation wants its notices; none where it declares nothing.

    Raises DeclarationError where `hub/notices.yaml` is not well formed.
    """
    path = settings.hub / "notices.yaml"
    if not path.exists():
        return []
    document = read_yaml(path)
    unknown = sorted(set(document) - {"email", "webhook"})
    require(not unknown, path=path, near=unknown[0] if unknown else "", rule="a route is `email` or `webhook`.",
            remedy="name one of them.")  # fmt: skip
    found: list[Route] = []
    if "email" in document:
        found.append(_email(path, document["email"], settings))
    if "webhook" in document:
        entry = _mapping(path, "webhook", document["webhook"], {"url_file"}, {"url_file"})
        found.append(Webhook(_secret(path, "url_file", entry["url_file"], settings)))
    return found


def send(to: list[Route], notice: Notice) -> list[str]:
    """Send by every route; what failed, in words without an address or secret. Never raises for a route's failure:
    it is called where something has already gone wrong."""
    failed = []
    for route in to:
        try:
            if isinstance(route, Email):
                _send_email(route, notice)
            else:
                _send_webhook(route, notice)
        except FAILURES as error:
            kind = "e-mail" if isinstance(route, Email) else "webhook"
            failed.append(f"the {kind} of {notice.alert} was not sent: {type(error).__name__}.")
    return failed


def _send_email(route: Email, notice: Notice) -> None:
    fields = notice.fields()
    mail(
        route,
        f"Whole Family: {notice.alert}: {notice.what}",
        f"{notice.what}\n\n{notice.text}\n\nAt {fields['at']}. Runbook: {fields['runbook']}\n",
    )


def _send_webhook(route: Webhook, notice: Notice) -> None:
    url = route.url_file.read_text(encoding="utf-8").strip()
    post(url, json.dumps(notice.fields()).encode(), "application/json")


def mail(route: Email, subject: str, text: str, recipients: Sequence[str] = ()) -> None:
    """Send a plain text by the route's mail server, to its recipients or to others. Raises what FAILURES lists."""
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = route.sender
    message["To"] = ", ".join(recipients or route.recipients)
    message.set_content(text)
    safe = ssl.create_default_context()
    server: smtplib.SMTP
    if route.security == "tls":
        server = smtplib.SMTP_SSL(route.host, route.port, timeout=SECONDS, context=safe)
    else:
        server = smtplib.SMTP(route.host, route.port, timeout=SECONDS)
    with server:
        if route.security == "starttls":
            server.starttls(context=safe)
        if route.username and route.password_file:
            server.login(route.username, route.password_file.read_text(encoding="utf-8").strip())
        server.send_message(message)


def post(url: str, body: bytes, content_type: str) -> bytes:
    """POST to an https:// address (http:// on this machine alone); the first 64 kB of what it answers. Raises what
    FAILURES lists."""
    if not url.startswith("https://") and not url.startswith(tuple(f"http://{host}" for host in LOOPBACKS)):
        raise ValueError("an address starts with https://")
    request = urllib.request.Request(  # noqa: S310 - the scheme is checked above
        url, data=body, headers={"Content-Type": content_type}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
        return bytes(answer.read(65_536))


def _email(path: Path, given: Any, settings: Settings) -> Email:
    needed = {"host", "port", "sender", "recipients"}
    entry = _mapping(path, "email", given, needed, needed | {"security", "username", "password_file"})
    security = str(entry.get("security", "starttls"))
    require(security in SECURITIES, path=path, near="security", rule="`security` is starttls, tls or none.",
            remedy="choose one.")  # fmt: skip
    require(security != "none" or entry["host"] in LOOPBACKS, path=path, near="security",
            rule="without encryption only to a mail server on this machine.", remedy="use tls.")  # fmt: skip
    recipients = entry["recipients"]
    require(isinstance(recipients, list) and bool(recipients), path=path, near="recipients",
            rule="`recipients` is a list of addresses.", remedy="give at least one.")  # fmt: skip
    require(isinstance(entry["port"], int), path=path, near="port", rule="`port` is a number.",
            remedy="587 is usual for starttls, 465 for tls.")  # fmt: skip
    held = {"username", "password_file"} & set(entry)
    require(len(held) != 1, path=path, near=next(iter(held), ""), rule="`username` and `password_file` go together.",
            remedy="give both or none.")  # fmt: skip
    return Email(
        host=str(entry["host"]),
        port=entry["port"],
        security=security,
        sender=str(entry["sender"]),
        recipients=tuple(str(address) for address in recipients),
        username=str(entry["username"]) if held else None,
        password_file=_secret(path, "password_file", entry["password_file"], settings) if held else None,
    )


def _mapping(path: Path, name: str, given: Any, needed: set[str], known: set[str]) -> Mapping[str, Any]:
    entry: dict[str, Any] = given if isinstance(given, dict) else {}
    missing, unknown = sorted(needed - set(entry)), sorted(set(entry) - known)
    require(not missing, path=path, near=name, rule=f"`{name}` needs {', '.join(missing)}.", remedy="add it.")
    require(not unknown, path=path, near=unknown[0] if unknown else name, rule=f"`{name}` does not know this key.",
            remedy=f"it knows {', '.join(sorted(known))}.")  # fmt: skip
    return entry


def _secret(path: Path, key: str, name: Any, settings: Settings) -> Path:
    """A file of the hub's keys folder that only its owner may read."""
    file = settings.hub_keys / str(name)
    require(file.is_file() and file.parent == settings.hub_keys, path=path, near=key,
            rule="the file named here is in the hub's folder of keys.", remedy="put it there, mode 0600.")  # fmt: skip
    require(file.stat().st_mode & 0o077 == 0, path=path, near=key, rule="only its owner may read the file named here.",
            remedy="chmod 600.")  # fmt: skip
    return file

"""Notices reach a real mail server and a real HTTP server on this machine, and no secret is in a message or error."""

from __future__ import annotations

import datetime as dt
import json
import socketserver
from http.server import HTTPServer
from pathlib import Path

import pytest

from pipeline.errors import DeclarationError
from pipeline.notices import ALERTS, Notice, routes, send
from pipeline.settings import PROJECT, Settings
from tests.notices.sinks import MailSink, WebSink, serving

NOTICE = Notice(
    "ingest-failed", "ingest_dwp.take_in_deliveries", "delivery x: it is not signed. What to do: seal it again.",
    dt.datetime(2026, 3, 1, 2, 15, tzinfo=dt.UTC),
)  # fmt: skip


def declared(home: Path, text: str, secrets: dict[str, str] | None = None, mode: int = 0o600) -> Settings:
    settings = Settings(home=home)
    settings.hub_keys.mkdir(parents=True)
    for name, secret in (secrets or {}).items():
        file = settings.hub_keys / name
        file.write_text(secret)
        file.chmod(mode)
    (settings.hub / "notices.yaml").write_text(text)
    return settings


def mail_to(port: int) -> str:
    return (
        f"email: {{host: 127.0.0.1, port: {port}, security: none, sender: hub@example.org, "
        "recipients: [a@example.org, b@example.org]}\n"
    )


def test_without_a_declaration_nothing_is_sent(tmp_path: Path) -> None:
    assert routes(Settings(home=tmp_path)) == []


def test_an_e_mail_says_what_where_and_what_to_do(tmp_path: Path) -> None:
    with serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), MailSink)) as server:
        settings = declared(tmp_path, mail_to(server.server_address[1]))
        assert send(routes(settings), NOTICE) == []
        (message,) = server.messages  # type: ignore[attr-defined]
    assert "Subject: Whole Family: ingest-failed: ingest_dwp.take_in_deliveries" in message
    assert "To: a@example.org, b@example.org" in message
    assert NOTICE.text in message.replace("=\n", "").replace("\n", " ")
    assert "docs/runbook.md#ingest-failed" in message


def test_a_webhook_gets_the_same_as_json(tmp_path: Path) -> None:
    with serving(HTTPServer(("127.0.0.1", 0), WebSink)) as server:
        port = server.server_address[1]
        settings = declared(tmp_path, "webhook: {url_file: hook}\n", {"hook": f"http://127.0.0.1:{port}/in\n"})
        assert send(routes(settings), NOTICE) == []
        ((path, body),) = server.messages  # type: ignore[attr-defined]
    assert path == "/in"
    assert json.loads(body) == {
        "alert": "ingest-failed", "what": NOTICE.what, "text": NOTICE.text, "at": "2026-03-01T02:15:00+00:00",
        "runbook": "docs/runbook.md#ingest-failed",
    }  # fmt: skip


def test_a_route_that_fails_is_said_without_its_address_and_the_other_still_sends(tmp_path: Path) -> None:
    with serving(HTTPServer(("127.0.0.1", 0), WebSink)) as server:
        port = server.server_address[1]
        hook = f"http://127.0.0.1:{port}/refuse-of-a-secret-address"
        with serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), MailSink)) as mail:
            text = mail_to(mail.server_address[1]) + "webhook: {url_file: hook}\n"
            settings = declared(tmp_path, text, {"hook": hook})
            failed = send(routes(settings), NOTICE)
            assert len(mail.messages) == 1  # type: ignore[attr-defined]
    assert failed == ["the webhook of ingest-failed was not sent: HTTPError."]


def test_a_server_that_is_away_is_said(tmp_path: Path) -> None:
    with serving(HTTPServer(("127.0.0.1", 0), WebSink)) as server:
        port = server.server_address[1]
    assert send(routes(declared(tmp_path, mail_to(port))), NOTICE) == [
        "the e-mail of ingest-failed was not sent: ConnectionRefusedError."
    ]


def test_a_webhook_elsewhere_is_encrypted_or_not_called(tmp_path: Path) -> None:
    settings = declared(tmp_path, "webhook: {url_file: hook}\n", {"hook": "http://example.org/in"})
    assert send(routes(settings), NOTICE) == ["the webhook of ingest-failed was not sent: ValueError."]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("pager: {}\n", "a route is"),
        ("email: {host: 127.0.0.1}\n", "needs port, recipients, sender"),
        ("email: {host: mail.example.org, port: 25, security: none, sender: a, recipients: [b]}\n", "on this machine"),
        ("email: {host: mail.example.org, port: 25, security: ssl, sender: a, recipients: [b]}\n", "starttls, tls"),
        ("email: {host: mail.example.org, port: 25, sender: a, recipients: []}\n", "list of addresses"),
        ("email: {host: mail.example.org, port: x, sender: a, recipients: [b]}\n", "is a number"),
        ("email: {host: mail.example.org, port: 25, sender: a, recipients: [b], username: c}\n", "go together"),
        ("webhook: {url_file: missing}\n", "in the hub's folder of keys"),
        ("webhook: {url_file: ../notices.yaml}\n", "in the hub's folder of keys"),
        ("webhook: {url: secret}\n", "needs url_file"),
    ],
)
def test_a_declaration_that_is_wrong_is_refused(tmp_path: Path, text: str, rule: str) -> None:
    with pytest.raises(DeclarationError, match=rule):
        routes(declared(tmp_path, text))


def test_a_secret_that_others_may_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="only its owner"):
        routes(declared(tmp_path, "webhook: {url_file: hook}\n", {"hook": "https://example.org"}, mode=0o644))


RUNBOOK = (PROJECT / "docs" / "runbook.md").read_text(encoding="utf-8")
ENTRIES = {
    heading.strip(): text
    for heading, _, text in (part.partition("\n") for part in RUNBOOK.split("\n## ")[1:])
    if " " not in heading.strip()
}


def test_the_runbook_has_one_entry_for_each_alert_and_no_other() -> None:
    assert sorted(ENTRIES) == sorted(ALERTS)


@pytest.mark.parametrize("alert", ALERTS)
def test_an_entry_says_what_the_alert_means_and_what_to_do(alert: str) -> None:
    assert "*What it means.*" in ENTRIES[alert]
    assert alert == "test" or "\n1. " in ENTRIES[alert]

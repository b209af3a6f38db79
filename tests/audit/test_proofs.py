"""A proof of one entry stands without the database; a witness is told, in the form that witnesses read."""

from __future__ import annotations

import base64
import copy
import email
import email.policy
import json
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from pipeline import audit
from pipeline.audit import ledger, merkle, notes
from pipeline.errors import KeyMaterialError, StoreError
from tests.audit.conftest import Kept
from tests.notices.sinks import MailSink, serving


def test_every_covered_entry_is_proved_without_the_database(kept: Kept) -> None:
    key = audit.public_key(kept.settings)
    assert key is not None
    for number in range(1, 11):
        told = json.loads(json.dumps(audit.prove(kept.settings, kept.database, number)))
        assert audit.check_proof(told, key).size == 10
        assert told["entry"]["entry_id"] == str(number)


def test_an_entry_newer_than_the_newest_checkpoint_waits(kept: Kept) -> None:
    with pytest.raises(StoreError, match="no checkpoint covers it yet"):
        audit.prove(kept.settings, kept.database, 12)
    with pytest.raises(StoreError, match="no entry of this number"):
        audit.prove(kept.settings, kept.database, 99)


def test_a_proof_that_was_changed_does_not_hold(kept: Kept) -> None:
    key = audit.public_key(kept.settings)
    assert key is not None
    told = audit.prove(kept.settings, kept.database, 3)
    for change in (
        lambda one: one["entry"].update(actor="nobody"),
        lambda one: one["entry"].update(at="2014-01-01T00:00:00.000000Z"),
        lambda one: one.update(index=one["index"] + 1),
        lambda one: one.update(previous_hash="00" * 32),
        lambda one: one["proof"].pop(),
        lambda one: one.update(checkpoint=one["checkpoint"].replace("\n10\n", "\n11\n")),
        lambda one: one.pop("proof"),
        lambda one: one.update(checkpoint=""),
    ):
        changed = copy.deepcopy(told)
        change(changed)
        with pytest.raises(KeyMaterialError):
            audit.check_proof(changed, key)


def test_a_proof_under_another_log_s_key_does_not_hold(kept: Kept) -> None:
    key = audit.public_key(kept.settings)
    assert key is not None
    other = ledger.Ed25519PrivateKey.generate().public_key()
    with pytest.raises(KeyMaterialError, match="not signed"):
        audit.check_proof(audit.prove(kept.settings, kept.database, 3), other)


def test_a_log_rewritten_proves_nothing(kept: Kept) -> None:
    with kept.unguarded() as superuser:
        superuser.execute("update audit.log set actor = 'nobody' where entry_id = 8")
        kept.rebuild(8)
    with pytest.raises(StoreError, match="not what the newest checkpoint"):
        audit.prove(kept.settings, kept.database, 8)


def test_a_note_reads_back_as_it_was_signed(kept: Kept) -> None:
    key = audit.public_key(kept.settings)
    assert key is not None
    for one in ledger.read_ledger(audit.ledger_folder(kept.settings), key):
        lines = one.note.splitlines()
        assert lines[0] == notes.origin_of(key)
        assert lines[1] == str(one.checkpoint.size)
        assert base64.b64decode(lines[2]) == one.checkpoint.root
        assert lines[-1].startswith(f"— {lines[0]} ")


class Witness(BaseHTTPRequestHandler):
    """A witness that checks what it is told against what it has, as a real one does."""

    bodies: list[str]
    answer = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.bodies.append(body)
        self.send_response(self.answer)
        self.end_headers()
        self.wfile.write("— witness AAAA\n".encode())

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def witness(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Witness]]:
    Witness.bodies, Witness.answer = [], 200
    server = HTTPServer(("127.0.0.1", 0), Witness)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("WHOLEFAMILY_WITNESS", f"http://127.0.0.1:{server.server_port}/add-checkpoint")
    yield Witness
    server.shutdown()
    server.server_close()


def test_no_witness_is_told_when_none_is_set(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WHOLEFAMILY_WITNESS", raising=False)
    assert audit.tell_witness(kept.settings, kept.database) == 0


def test_a_witness_gets_each_checkpoint_once_with_the_proof_of_growth(kept: Kept, witness: type[Witness]) -> None:
    assert audit.tell_witness(kept.settings, kept.database) == 2
    assert audit.tell_witness(kept.settings, kept.database) == 0
    kept.checkpoint()
    assert audit.tell_witness(kept.settings, kept.database) == 1
    key = audit.public_key(kept.settings)
    assert key is not None
    held, root = 0, merkle.EMPTY
    for body in witness.bodies:
        head, note = body.split("\n\n", 1)
        said, *proof = head.split("\n")
        assert said == f"old {held}"
        checkpoint = notes.read_note(note, key, "as posted")
        grown = [base64.b64decode(one) for one in proof]
        assert merkle.is_consistent(held, checkpoint.size, root, checkpoint.root, grown)
        held, root = checkpoint.size, checkpoint.root


def test_a_witness_that_refuses_is_told_again(kept: Kept, witness: type[Witness]) -> None:
    witness.answer = 503
    with pytest.raises(StoreError, match="HTTP 503"):
        audit.tell_witness(kept.settings, kept.database)
    witness.answer = 200
    assert audit.tell_witness(kept.settings, kept.database) == 2


def test_a_mailbox_gets_each_checkpoint_by_the_declared_mail_server(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHOLEFAMILY_WITNESS", "mailto:auditor@example.org")
    with pytest.raises(StoreError, match=r"hub/notices\.yaml"):
        audit.tell_witness(kept.settings, kept.database)
    with serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), MailSink)) as server:
        (kept.settings.hub / "notices.yaml").write_text(
            f"email: {{host: 127.0.0.1, port: {server.server_address[1]}, security: none, sender: hub@example.org,"
            " recipients: [team@example.org]}\n"
        )
        assert audit.tell_witness(kept.settings, kept.database) == 2
        assert audit.tell_witness(kept.settings, kept.database) == 0
        mails = [email.message_from_string(text, policy=email.policy.default) for text in server.messages]  # type: ignore[attr-defined]
    key = audit.public_key(kept.settings)
    assert key is not None
    assert [mail["To"] for mail in mails] == ["auditor@example.org"] * 2
    sizes = [notes.read_note(mail.get_content(), key, "as mailed").size for mail in mails]
    assert sizes == sorted(set(sizes))


def test_a_mail_server_that_is_away_is_said_and_told_later(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHOLEFAMILY_WITNESS", "mailto:auditor@example.org")
    with serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), MailSink)) as server:
        port = server.server_address[1]
    (kept.settings.hub / "notices.yaml").write_text(
        f"email: {{host: 127.0.0.1, port: {port}, security: none, sender: a@example.org, recipients: [b@a.org]}}\n"
    )
    with pytest.raises(StoreError, match="ConnectionRefusedError"):
        audit.tell_witness(kept.settings, kept.database)
    assert not list(kept.settings.hub.glob("checkpoints/*.witnessed"))

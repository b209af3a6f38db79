"""The database's passwords: random, one file, readable by its owner only, never in arguments, logs or messages."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

from pipeline.errors import StoreError
from pipeline.store.locks import file_lock

FILE = "database.json"


class Credentials:
    """Passwords by login role, kept in `database.json` of the hub's key folder (0600)."""

    def __init__(self, keys: Path) -> None:
        self.path = keys / FILE
        self._passwords = self._read()

    def __repr__(self) -> str:
        return f"Credentials({str(self.path)!r})"

    def __contains__(self, login: str) -> bool:
        return login in self._passwords

    def password(self, login: str) -> str:
        """The password of a login role. Raises StoreError when it is not known here."""
        if login not in self._passwords:
            raise StoreError(
                where=str(self.path),
                rule=f"the password of the login role {login} is not kept here.",
                remedy=f"restore the file from its backup, or set {login}'s password and write it there.",
            )
        return self._passwords[login]

    def ensure(self, *logins: str) -> None:
        """Make and keep a password for each login that has none. The file is whole at every moment."""
        if all(login in self for login in logins):
            return
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with file_lock(self.path.with_name(f".{FILE}.lock")):
            self._passwords = self._read()  # another process may have been quicker
            self._passwords |= {login: secrets.token_urlsafe(24) for login in logins if login not in self}
            draft = self.path.with_name(f".{FILE}.draft")
            draft.unlink(missing_ok=True)
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(self._passwords, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.path)

    def _read(self) -> dict[str, str]:
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        except OSError as problem:
            raise self._unreadable(type(problem).__name__) from None
        try:
            passwords = json.loads(text)
        except ValueError:
            raise self._unreadable("not JSON") from None
        if not isinstance(passwords, dict) or not all(isinstance(value, str) for value in passwords.values()):
            raise self._unreadable("not a mapping of login role to password")
        return passwords

    def _unreadable(self, why: str) -> StoreError:
        return StoreError(
            where=str(self.path),
            rule=f"the file of the database's passwords cannot be read ({why}).",
            remedy="run as the user who made this home, or restore the file from its backup.",
        )

"""The vocabulary of evidence kinds (`schemas/evidence.yaml`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.contracts.reading import read_yaml, require
from pipeline.errors import DeclarationError


@dataclass(frozen=True)
class EvidenceKind:
    """One kind of dated fact: which codes and roles it takes, and the units of its quantities."""

    name: str
    description: str
    spell: bool
    codes: tuple[str, ...] | None = None
    pattern: str | None = None
    roles: tuple[str, ...] | None = None
    quantity: str | None = None
    out_of: str | None = None

    def allows_code(self, code: str | None) -> bool:
        if self.codes is not None:
            return code in self.codes
        if self.pattern is not None:
            return code is not None and re.fullmatch(self.pattern, code) is not None
        return code is None

    def allows_role(self, role: str | None) -> bool:
        return role in self.roles if self.roles is not None else role is None


@dataclass(frozen=True)
class Vocabulary:
    """All kinds, by name."""

    version: str
    kinds: dict[str, EvidenceKind]

    def kind(self, name: str) -> EvidenceKind:
        if name not in self.kinds:
            raise DeclarationError(
                where="schemas/evidence.yaml",
                rule=f"there is no evidence kind '{name}'.",
                remedy="use a kind of the vocabulary, or add it there with a description.",
            )
        return self.kinds[name]


def load_vocabulary(declarations: Path) -> Vocabulary:
    """The vocabulary of an installation. Raises DeclarationError when a kind is doubled or ill-formed."""
    path = declarations / "evidence.yaml"
    document = read_yaml(path)
    kinds: dict[str, EvidenceKind] = {}
    for entry in document.get("kinds", []):
        name = str(entry.get("name", ""))
        near = f"name: {name}"
        require(bool(name), path=path, rule="a kind has no name.", remedy="give it one.")
        require(name not in kinds, path=path, near=near, rule=f"kind '{name}' stands twice.", remedy="keep one.")
        require(
            not ("codes" in entry and "pattern" in entry),
            path=path,
            near=near,
            rule=f"kind '{name}' has both codes and a pattern.",
            remedy="keep one of them.",
        )
        kinds[name] = EvidenceKind(
            name=name,
            description=str(entry.get("description", "")),
            spell=bool(entry.get("spell", False)),
            codes=tuple(str(code) for code in entry["codes"]) if "codes" in entry else None,
            pattern=entry.get("pattern"),
            roles=tuple(entry["roles"]) if "roles" in entry else None,
            quantity=entry.get("quantity"),
            out_of=entry.get("outOf"),
        )
    return Vocabulary(version=str(document.get("version")), kinds=kinds)

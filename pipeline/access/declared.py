"""The privilege matrix as declared (`schemas/access.yaml`): which role may do what to which object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.contracts.reading import read_yaml, require

FILE = "access.yaml"
PUBLIC = "public"  # any login without a group
TABLE_VERBS = ("select", "insert", "update", "delete", "truncate", "references", "trigger", "maintain")
Cell = tuple[str, str, str, str]  # role, kind of object, object, verb


@dataclass(frozen=True)
class Rights:
    """Rights on one relation: verbs by role, and columns by role and verb where only these are open."""

    verbs: Mapping[str, frozenset[str]]
    columns: Mapping[tuple[str, str], frozenset[str]]


@dataclass(frozen=True)
class Matrix:
    """`groups` are the roles of the matrix; `logins` the group of each login of the installation itself; `walls` the
    kind of wall by table, `rules` the readers' policy by kind, and what columns add to it; `behind` are tables behind
    readers' views that need no wall."""

    groups: tuple[str, ...]
    logins: Mapping[str, str]
    database: Mapping[str, frozenset[str]]
    schemas: Mapping[str, frozenset[str]]
    relations: Mapping[str, Rights]
    functions: Mapping[str, frozenset[str]]
    definers: frozenset[str]
    walls: Mapping[str, str]
    rules: Mapping[str, str]
    behind: frozenset[str]

    @property
    def roles(self) -> tuple[str, ...]:
        return (*self.groups, PUBLIC)

    def allows(self, role: str, kind: str, thing: str, verb: str) -> bool:
        """Whether a cell is open; whatever is not declared is closed. A column is `schema.table.column`."""
        if kind == "database":
            return role in self.database.get(verb, frozenset())
        if kind == "schema":
            return verb == "usage" and role in self.schemas.get(thing, frozenset())
        if kind == "right":  # whether it stands, be the schema open or not
            if "(" in thing:
                return role in self.functions.get(thing, frozenset())
            named = self.relations.get(thing)
            return named is not None and (verb in named.verbs.get(role, frozenset()) or (role, verb) in named.columns)
        if kind == "function":
            schema = thing.partition(".")[0]
            return role in self.functions.get(thing, frozenset()) and role in self.schemas.get(schema, frozenset())
        if kind in ("relation", "column"):
            relation, column = (
                (thing, None) if kind == "relation" else (thing.rpartition(".")[0], thing.rpartition(".")[2])
            )
            rights = self.relations.get(relation)
            if rights is None or role not in self.schemas.get(relation.partition(".")[0], frozenset()):
                return False
            return verb in rights.verbs.get(role, frozenset()) or (
                column is not None and column in rights.columns.get((role, verb), frozenset())
            )
        return False  # sequences, large objects, languages: for nobody


def load_matrix(declarations: Path) -> Matrix:
    """The declared matrix. Raises DeclarationError with the file: an unknown role or verb, a relation told twice."""
    path = declarations / FILE
    document = read_yaml(path)
    for key in (
        "groups",
        "logins",
        "database",
        "schemas",
        "relations",
        "functions",
        "definers",
        "walls",
        "rules",
        "behind",
    ):
        require(key in document, path=path, rule=f"'{key}' is missing.", remedy=f"add '{key}'.")
    groups = tuple(document["groups"])
    relations: dict[str, Rights] = {}
    for entry in document["relations"]:
        rights = _rights(path, entry, groups)
        for name in entry["of"]:
            require(name not in relations, path=path, near=name, rule=f"{name} stands twice.", remedy="keep one.")
            relations[name] = rights
    for named in (*document["schemas"].values(), *document["functions"].values(), *document["database"].values()):
        _known(path, named, groups)
    walls: dict[str, str] = {}
    for kind, tables in document["walls"].items():
        require(kind in document["rules"], path=path, near=f"{kind}:", rule=f"no rule for walls of the kind {kind}.",
                remedy="write it under 'rules'.")  # fmt: skip
        walls |= dict.fromkeys(tables, kind)
    return Matrix(
        groups=groups,
        logins=dict(document["logins"]),
        database={verb: frozenset(roles) for verb, roles in document["database"].items()},
        schemas={name: frozenset(roles) for name, roles in document["schemas"].items()},
        relations=relations,
        functions={name: frozenset(roles) for name, roles in document["functions"].items()},
        definers=frozenset(document["definers"]),
        walls=walls,
        rules={kind: " ".join(str(rule).split()) for kind, rule in document["rules"].items()},
        behind=frozenset(document["behind"]),
    )


def _rights(path: Path, entry: Mapping[str, Any], groups: Sequence[str]) -> Rights:
    near = str((entry.get("of") or ["relations:"])[0])
    verbs = {role: frozenset(named) for role, named in entry.items() if role not in ("of", "columns")}
    columns = {
        (role, verb): frozenset(names)
        for role, by_verb in (entry.get("columns") or {}).items()
        for verb, names in by_verb.items()
    }
    _known(path, [*verbs, *(role for role, _verb in columns)], groups, near)
    unknown = set().union(*verbs.values(), {verb for _role, verb in columns}) - set(TABLE_VERBS)
    require(not unknown, path=path, near=near, rule=f"there is no verb {', '.join(sorted(unknown))}.",
            remedy=f"use {', '.join(TABLE_VERBS)}.")  # fmt: skip
    return Rights(verbs, columns)


def _known(path: Path, named: Sequence[str], groups: Sequence[str], near: str = "relations:") -> None:
    strangers = sorted(set(named) - set(groups))
    require(not strangers, path=path, near=near, rule=f"{', '.join(strangers)} is none of the groups.",
            remedy=f"use {', '.join(groups)}.")  # fmt: skip

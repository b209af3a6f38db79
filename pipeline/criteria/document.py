"""A YAML declaration that knows the line of each of its parts, so that an error points at it."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NoReturn

import yaml

from pipeline.contracts.reading import SAFE_LOADER, read_yaml
from pipeline.errors import DeclarationError

At = tuple[Any, ...]


class Document:
    """One declaration's content, and how to refuse a part of it at its line.

    A part that a what-if has changed has no line of its own: the error then names the change.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.content: dict[str, Any] = copy.deepcopy(read_yaml(path))
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=SAFE_LOADER)
        self.lines = dict(_lines(node, ())) if node is not None else {}
        self._changed: dict[At, str] = {}

    def fail(self, at: At, rule: str, remedy: str) -> NoReturn:
        where = next((text for place, text in self._changed.items() if at[: len(place)] == place), None)
        while at and at not in self.lines:
            at = at[:-1]
        raise DeclarationError(
            where=where or f"{self.path.name}, line {self.lines.get(at, 1)}", rule=rule, remedy=remedy
        )

    def require(self, condition: bool, at: At, rule: str, remedy: str) -> None:
        if not condition:
            self.fail(at, rule, remedy)

    def known_keys(self, at: At, entry: Any, keys: Collection[str], what: str) -> Mapping[str, Any]:
        """The entry as a mapping with no other keys than these: a misspelt key is refused, never passed over."""
        if not isinstance(entry, Mapping):
            self.fail(at, f"{what} is a mapping.", f"write it with keys of: {', '.join(sorted(keys))}.")
        for key in entry:
            if key not in keys:
                self.fail((*at, key), f"{what} has no key '{key}'.", one_of(keys))
        return entry

    def listed(self, at: At, entry: Any, what: str) -> list[Any]:
        if not isinstance(entry, list) or not entry:
            self.fail(at, f"{what} is a list of one or more.", "write it as [a, b].")
        return entry

    def name(self, at: At, entry: Mapping[str, Any], key: str = "id") -> str:
        value = entry.get(key)
        if not isinstance(value, str) or not value.strip():
            self.fail(at, f"'{key}' is missing.", f"add '{key}'.")
        return " ".join(value.split())

    def whole(self, at: At, value: Any, what: str, least: int = 1) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            self.fail(at, f"{what} is a whole number from {least}.", "write it as a number.")
        return value

    def change(self, change: str, value: Any, named: str = "") -> None:
        """Set one part by its path in ids: criterion.rule.key, selection.route.key, or keys of the document itself.

        Raises DeclarationError when there is nothing of this name; what the value is worth is seen when it is read.
        """
        at: At = ()
        here: Any = self.content
        steps = change.split(".")
        for position, step in enumerate(steps):
            last = position == len(steps) - 1
            if isinstance(here, dict) and step not in here and not last:
                found = self._below(here, step)
                if found is None:
                    raise _no_such(named or change, step)
                at, here = (*at, *found), self._at(here, found)
            elif isinstance(here, dict) and not last:
                at, here = (*at, step), here[step]
            elif isinstance(here, dict):
                at = (*at, step)
                here[step] = value
            else:
                raise _no_such(named or change, step)
        self._changed[at] = f"the change '{named or change}'"

    @staticmethod
    def _below(here: dict[str, Any], step: str) -> At | None:
        """Where an element with this id stands in the lists below: in `criteria`, `any_of`, `and` or `or`."""
        for key in ("criteria", "any_of", "and", "or"):
            for index, entry in enumerate(here.get(key) or ()):
                if isinstance(entry, dict) and entry.get("id") == step:
                    return (key, index)
        return None

    @staticmethod
    def _at(here: Any, at: At) -> Any:
        for step in at:
            here = here[step]
        return here


def one_of(names: Collection[str]) -> str:
    return f"use one of: {', '.join(sorted(names))}."


def _no_such(change: str, step: str) -> DeclarationError:
    return DeclarationError(
        where=f"the change '{change}'",
        rule=f"there is nothing called '{step}' there.",
        remedy="write criterion.rule.key=value or selection.route.key=value; wholefamily criteria show names them.",
    )


def _lines(node: yaml.Node, at: At) -> list[tuple[At, int]]:
    """The line (1-based) of every part of a YAML document, by its path."""
    found = [(at, node.start_mark.line + 1)]
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            found += _lines(value, (*at, key.value))
            found.append(((*at, key.value), key.start_mark.line + 1))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            found += _lines(value, (*at, index))
    return found

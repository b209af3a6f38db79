"""The encoding that partners and hub agree on, and the link model (`schemas/linkage/`)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.contracts.reading import read_yaml, require

NAME_BITS = 512
LONGEST_GRAM = 2
ENCODING_VERSION = MODEL_VERSION = 2  # those in force
DATE_PART_NAMES = ("day", "month", "year")
BLOCK_EXPRESSION = re.compile(r"(?:(year|year_month|initial|phonetic)\()?([a-z_]+)(?:, ([a-z_]+))?\)?")


@dataclass(frozen=True)
class BlockPart:
    """One part of a block value: a normalised column, or a function of one (None: the column itself).

    `other`: a second column; the part is then the function of both in the order of the alphabet, so that exchanged
    values make the same block.
    """

    column: str
    function: str | None
    other: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,) if self.other is None else (self.column, self.other)


@dataclass(frozen=True)
class EncodingPass:
    """One blocking pass: its name and what its block value is made of. A record with a part missing has no block."""

    name: str
    block: tuple[BlockPart, ...]


@dataclass(frozen=True)
class Encoding:
    """How a partner's kit encodes a person: bits a name, q-grams, passes, and the fixed known-answer persons."""

    version: int
    bits: int
    gram: int
    fields: tuple[str, ...]
    date_parts: str
    passes: tuple[EncodingPass, ...]
    known_answers: tuple[dict[str, str], ...]
    key_versions: tuple[int, ...] = (1,)  # of the linkage key that deliveries may be under; two while they change
    variants: dict[str, dict[str, str]] = field(default_factory=dict)  # field -> part of a name -> its root

    def root(self, name: str, normal_name: str) -> str:
        """A normal name of the field `name` with each part replaced by the form that stands for its variants."""
        roots = self.variants.get(name, {})
        return " ".join(roots.get(part, part) for part in normal_name.split(" ")) if roots else normal_name

    @property
    def key_version(self) -> int:
        """The newest version of the linkage key: under which deliveries are made from now on."""
        return self.key_versions[-1]

    @property
    def name_bytes(self) -> int:
        return self.bits // 8


@dataclass(frozen=True)
class Level:
    """One level of agreement. `similarity`: lowest likeness of two names, the cosine of their sets of grams; `parts`:
    how many date parts agree, or which ('day', 'month', 'year'), or 'swap' (day and month exchanged).

    `columns`: which of the comparison's columns reach this level when equal (none named: any of them).
    `history`: the level also holds where both ever had a value of those columns in common, not only their latest.
    `exchanged_with`: the level holds where this name is the other's name of that comparison, and the other way round.
    """

    name: str
    similarity: float | None = None
    parts: int | str | None = None
    columns: tuple[str, ...] = ()
    exchanged_with: str | None = None
    history: bool = False


@dataclass(frozen=True)
class Comparison:
    """One field comparison; its levels in the order they are tried. Code of a level = its index; missing = -1."""

    name: str
    kind: str  # name | date_parts | equal | any_equal
    levels: tuple[Level, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True)
class DependentChance:
    """Chance agreement of other comparisons among different people who agree on one: people of one address share
    surnames, and twins a date of birth, far more often than strangers. Counted by the partners' kits; `starting_u`
    weighs as one pair seen at each level beside them."""

    comparison: str
    level: str
    starting_u: dict[str, tuple[float, ...]]

    def counted_as(self, name: str) -> str:
        """What the counts of a comparison among such people are called in a manifest."""
        return f"{name}_within_{self.comparison}"


@dataclass(frozen=True)
class LinkModel:
    """The declarative link model: comparisons, where EM learns, fixed probabilities, thresholds, constraints."""

    version: int
    encoding: int
    comparisons: tuple[Comparison, ...]
    em_passes: dict[str, tuple[str, ...]]  # blocking pass -> comparisons left out there
    em_iterations: int
    em_tolerance: float
    em_minimum_pairs: int
    starting_m: dict[str, tuple[float, ...]]
    fixed_u: dict[str, tuple[float, ...]]
    match_threshold: float
    possible_threshold: float
    one_per_person: tuple[str, ...]
    largest_block: int
    # em pass -> comparison -> levels whose m is not learnt there, but taken as the passes before it taught
    held_m: dict[str, dict[str, tuple[int, ...]]] = field(default_factory=dict)
    starting_u: dict[str, tuple[float, ...]] = field(default_factory=dict)  # where partners' counts are few
    dependent_chance: DependentChance | None = None
    # column -> passes in which two records that ever had a value of it in common may share a block
    histories: dict[str, tuple[str, ...]] = field(default_factory=dict)
    contradictions: dict[str, tuple[str, ...]] = field(default_factory=dict)  # comparison -> levels nobody can have
    # comparison -> levels that say two people where the records on either side agree among themselves on another value
    no_slip_twice: dict[str, tuple[str, ...]] = field(default_factory=dict)
    target_precision: float = 0.0  # expected share of right links among linked pairs; raises the match threshold
    no_duplicates: tuple[str, ...] = ()  # partners that promise one record a person: two of theirs are never linked
    refit_bits: float = 1.0  # a level's share among links that moved so far (log2) asks for a full build
    refit_growth: float = 1.5  # and so do so many times more, or fewer, records
    unscored_bits: float = -1.0  # what a pair not worth scoring says, where a cluster is put together anew
    gram_sets: bool = False  # names are sets of grams in clear, a bit each, not encodings (benchmarks only)

    @property
    def history_passes(self) -> frozenset[str]:
        """The passes whose blocks say where a record ever was."""
        return frozenset(name for passes in self.histories.values() for name in passes)

    @property
    def counted(self) -> dict[str, int]:
        """What the partners' kits count of random people, by name in the manifest: how many levels it has."""
        levels = {comparison.name: len(comparison.levels) for comparison in self.comparisons}
        dependent = self.dependent_chance
        given = {} if dependent is None else {dependent.counted_as(name): levels[name] for name in dependent.starting_u}
        return {name: number for name, number in levels.items() if name not in self.fixed_u} | given


def load_encoding(declarations: Path, version: int = ENCODING_VERSION) -> Encoding:
    """The encoding of a version. Raises DeclarationError where a block expression or a size cannot be."""
    path = declarations / "linkage" / f"encoding-v{version}.yaml"
    document = read_yaml(path)
    sizes = document["name"]
    require(
        sizes["bits"] == NAME_BITS and 1 <= sizes["gram"] <= LONGEST_GRAM,
        path=path,
        near="bits:",
        rule="names have 512 bits, made of grams of one or two characters.",
        remedy="choose such sizes.",
    )
    passes = []
    for entry in document["passes"]:
        parts = []
        for expression in entry["block"]:
            found = BLOCK_EXPRESSION.fullmatch(expression)
            require(
                found is not None,
                path=path,
                near=f"name: {entry['name']}",
                rule=f"'{expression}' is not a block expression.",
                remedy="use a column, or year(), year_month(), initial() or phonetic() of one or two: phonetic(a, b).",
            )
            assert found is not None
            parts.append(BlockPart(column=found.group(2), function=found.group(1), other=found.group(3)))
        passes.append(EncodingPass(name=entry["name"], block=tuple(parts)))
    require(
        len({p.name for p in passes}) == len(passes),
        path=path,
        rule="a pass stands twice.",
        remedy="rename one.",
    )
    versions = tuple(document.get("key_versions", (1,)))
    require(
        1 <= len(versions) <= 2
        and all(isinstance(one, int) and 0 < one < 1000 for one in versions)
        and list(versions) == sorted(set(versions)),
        path=path,
        near="key_versions:",
        rule="one version of the linkage key is in force, or two while partners change from the older to the newer.",
        remedy="write one number, or two in their order: [1, 2].",
    )
    return Encoding(
        version=int(document["version"]),
        key_versions=versions,
        bits=int(sizes["bits"]),
        gram=int(sizes["gram"]),
        fields=tuple(document["fields"]),
        date_parts=document["date_parts"],
        passes=tuple(passes),
        known_answers=tuple({k: str(v) for k, v in known.items()} for known in document["known_answers"]),
        variants={name: _variants(path.parent / file) for name, file in document.get("variants", {}).items()},
    )


def _variants(path: Path) -> dict[str, str]:
    """Variant to root. Raises DeclarationError where one stands under two roots, or is a root itself."""
    roots = read_yaml(path)["roots"]
    found: dict[str, str] = {}
    for root, variants in roots.items():
        for variant in str(variants).split():
            require(
                variant not in found and variant not in roots,
                path=path,
                near=f"{root}:",
                rule=f"'{variant}' has more than one root.",
                remedy="leave the commonest.",
            )
            found[variant] = str(root)
    return found


def load_link_model(declarations: Path, version: int = MODEL_VERSION) -> LinkModel:
    """The link model of a version. Raises DeclarationError where probabilities or levels do not fit."""
    path = declarations / "linkage" / f"model-v{version}.yaml"
    document = read_yaml(path)
    comparisons = tuple(
        Comparison(
            name=entry["name"],
            kind=entry["kind"],
            levels=tuple(Level(**{**level, "columns": tuple(level.get("columns", ()))}) for level in entry["levels"]),
            columns=tuple(entry.get("columns", ())),
        )
        for entry in document["comparisons"]
    )
    by_name = {comparison.name: comparison for comparison in comparisons}
    starting = {name: tuple(values) for name, values in document["em"]["starting_m"].items()}
    fixed = {name: tuple(values) for name, values in document.get("u", {}).items()}
    starting_u = {name: tuple(values) for name, values in document.get("starting_u", {}).items()}
    dependent = _dependent_chance(document.get("dependent_chance"))
    dependent_u = dependent.starting_u if dependent else {}
    for name, values in [*starting.items(), *fixed.items(), *starting_u.items(), *dependent_u.items()]:
        require(
            name in by_name and len(values) == len(by_name[name].levels) and abs(sum(values) - 1) < 1e-6,
            path=path,
            near=f"{name}: [",
            rule=f"the probabilities of '{name}' must have one entry per level and add up to 1.",
            remedy="mend the list.",
        )
    require(
        set(starting) == set(by_name),
        path=path,
        near="starting_m",
        rule="a comparison has no starting m.",
        remedy="add it.",
    )
    thresholds = document["thresholds"]
    require(
        0 < thresholds["possible"] <= thresholds["match"] < 1,
        path=path,
        near="thresholds",
        rule="thresholds need 0 < possible <= match < 1.",
        remedy="mend them.",
    )
    return LinkModel(
        version=int(document["version"]),
        encoding=int(document["encoding"]),
        comparisons=comparisons,
        em_passes={entry["pass"]: tuple(entry["leave_out"]) for entry in document["em"]["passes"]},
        em_iterations=int(document["em"]["iterations"]),
        em_tolerance=float(document["em"]["tolerance"]),
        em_minimum_pairs=int(document["em"]["minimum_pairs"]),
        starting_m=starting,
        fixed_u=fixed,
        match_threshold=float(thresholds["match"]),
        possible_threshold=float(thresholds["possible"]),
        one_per_person=tuple(document["one_per_person"]),
        largest_block=int(document["largest_block"]),
        held_m={entry["pass"]: _held(entry.get("held", {}), by_name) for entry in document["em"]["passes"]},
        starting_u=starting_u,
        dependent_chance=dependent,
        histories={column: tuple(passes) for column, passes in document.get("histories", {}).items()},
        contradictions={name: tuple(levels) for name, levels in document.get("contradictions", {}).items()},
        no_slip_twice={name: tuple(levels) for name, levels in document.get("no_slip_twice", {}).items()},
        target_precision=float(thresholds.get("target_precision", 0.0)),
        no_duplicates=tuple(document.get("no_duplicates", ())),
        refit_bits=float(document.get("refit", {}).get("bits", 1.0)),
        refit_growth=float(document.get("refit", {}).get("growth", 1.5)),
        unscored_bits=float(document.get("unscored_bits", -1.0)),
    )


def _held(entry: dict[str, list[str]], comparisons: dict[str, Comparison]) -> dict[str, tuple[int, ...]]:
    return {
        name: tuple(code for code, level in enumerate(comparisons[name].levels) if level.name in levels)
        for name, levels in entry.items()
    }


def _dependent_chance(entry: dict[str, Any] | None) -> DependentChance | None:
    if entry is None:
        return None
    return DependentChance(
        comparison=entry["comparison"],
        level=entry["level"],
        starting_u={name: tuple(values) for name, values in entry["starting_u"].items()},
    )

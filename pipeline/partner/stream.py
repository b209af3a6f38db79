"""An extract going by: its rows in pieces, checked, with the person of each row; people last.

What is known of the whole extract before any row is judged is who stands in the people file, and which references stand
on more than one row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.contracts import Contract, Encoding, LinkModel, Vocabulary
from pipeline.errors import ExtractError
from pipeline.partner.changes import Prints
from pipeline.partner.check import Around, check_rows
from pipeline.partner.checked import CheckedTable
from pipeline.partner.hashing import Bytes, Words
from pipeline.partner.keys import PartnerKeys
from pipeline.partner.ordered import in_order
from pipeline.partner.person_index import PERSON, PersonIndex, pseudonyms_of
from pipeline.partner.read_extract import Part, RawFile
from pipeline.partner.repeated import repeated_lines
from pipeline.partner.tally import Tally
from pipeline.progress import Progress
from pipeline.records import PEOPLE


@dataclass(frozen=True)
class Piece:
    """Some checked rows of a table, and the person of each by number (-1: nobody)."""

    checked: CheckedTable
    persons: NDArray[np.int32]


class Stream:
    """One extract, its files found right, and what is kept of it while it goes by."""

    def __init__(
        self,
        contract: Contract,
        encoding: Encoding,
        model: LinkModel,
        keys: PartnerKeys,
        vocabulary: Vocabulary,
        files: dict[str, RawFile],
        *,
        follow: bool = False,
    ) -> None:
        """`follow`: whether it must be known who refers to whom, as a delta asks."""
        self.contract, self.encoding, self.model, self.keys = contract, encoding, model, keys
        self.files = files
        self._vocabulary = vocabulary
        self.persons = PersonIndex(keys, list(self._people_rows()))
        self.prints = Prints(keys, self.persons, follow=follow)
        self._printed: set[str] = set()
        self._around = {name: self._around_of(file) for name, file in files.items()}

    def tables(self) -> list[str]:
        """The tables in the order in which they go by: the contract's, people last."""
        return [name for name in self.files if name != PEOPLE] + [PEOPLE]

    def pieces(self, name: str) -> Iterator[Piece]:
        """A table's rows, checked, in order. The first time a table goes by, its rows are added to the prints."""
        printing = name not in self._printed
        self._printed.add(name)
        file, around = self.files[name], self._around[name]

        def checked(part: Part) -> tuple[CheckedTable, Words | None]:
            table = check_rows(file.parsed(part), around, self._vocabulary)
            return table, self.prints.of_rows(table) if printing else None

        for table, prints in in_order(checked, file.parts()):
            persons = self.persons.persons_of(table.columns[PERSON], add=printing)
            if prints is not None:
                self.prints.add(table, persons, prints)
            yield Piece(table, persons)

    def judge(self, tally: Tally) -> None:
        """Raise ExtractError where too many rows of a table that has gone by have problems. Where the people file has
        too many too, it says so of that: rows about people who are not in it may be sound."""
        refusal = tally.refusal(self.contract)
        if refusal is not None and tally.table.name != PEOPLE:
            people = Tally(self.files[PEOPLE].table)
            for piece in self.pieces(PEOPLE):
                people.add(piece.checked)
            refusal = people.refusal(self.contract) or refusal
        if refusal is not None:
            raise refusal

    def _people_rows(self) -> Iterator[Bytes]:
        """The pseudonym of each row of the people file that has a reference."""
        rows = 0
        for piece in self.files[PEOPLE].pieces([PERSON]):
            references = piece.columns[PERSON]
            rows += len(piece)
            yield pseudonyms_of(self.keys, references.values)[references.codes[~references.missing]]
        if rows == 0:
            raise ExtractError(
                where=self.files[PEOPLE].where,
                rule="the file has a header but no person.",
                remedy="export it again; an extract without people is refused, since it would empty the feed.",
            )

    def _around_of(self, file: RawFile) -> Around:
        repeated = {
            column.name: repeated_lines(file.pieces, column)
            for column in file.table.columns
            if column.unique and column.name in file.positions
        }
        return Around(self.persons.known_among, repeated)


def look_through(stream: Stream, progress: Progress) -> Prints:
    """Read and check the whole extract, only to know the print of everybody in it.

    Raises ExtractError where too many rows of a table have problems.
    """
    names = stream.tables()
    for number, name in enumerate(names):
        tally = Tally(stream.files[name].table)
        for piece in stream.pieces(name):
            tally.add(piece.checked)
        stream.judge(tally)
        progress(f"look for changes in {name}", 0.3 * (number + 1) / len(names))
    return stream.prints

"""What is counted of a table while its rows go by: cells held and left out by column, problems, their first lines."""

from __future__ import annotations

from collections import Counter

from pipeline.contracts import Contract, Table
from pipeline.errors import ExtractError
from pipeline.partner.checked import RULES, CheckedTable

ROWS_NAMED = 5


class Tally:
    """The counts of one table so far."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.rows = 0
        self.with_problem = 0
        self.held: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()
        self.outside: tuple[str, ...] = ()
        self._problems: Counter[str] = Counter()
        self._first_lines: dict[str, list[int]] = {}

    def add(self, checked: CheckedTable) -> None:
        """Count some more rows."""
        self.rows += len(checked.lines)
        self.with_problem += int((~checked.clean).sum())
        self.outside = checked.outside
        self.left_out.update(checked.left_out)
        self.held.update({name: int((~column.missing).sum()) for name, column in checked.columns.items()})
        for number, name in enumerate(checked.problems):
            lines = checked.lines[checked.problem == number] if number else checked.lines[:0]
            if len(lines):
                self._problems[name] += len(lines)
                named = self._first_lines.setdefault(name, [])
                named += lines[: ROWS_NAMED - len(named)].tolist()

    @property
    def problems(self) -> dict[str, int]:
        """Rows by problem, "code:column", in the order of the table's columns."""
        columns = [column.name for column in self.table.columns]

        def place(name: str) -> tuple[int, int]:
            code, _, column = name.partition(":")
            return columns.index(column), list(RULES).index(code)

        return {name: self._problems[name] for name in sorted(self._problems, key=place)}

    def refusal(self, contract: Contract) -> ExtractError | None:
        """Why the table is refused: beyond the contract's tolerated share, the commonest problem, its first lines."""
        if self.with_problem <= contract.tolerated_problem_share * self.rows:
            return None
        counts = self.problems
        name = max(counts, key=lambda each_name: counts[each_name])
        code, _, column = name.partition(":")
        rule, remedy = RULES[code]
        first = ", ".join(map(str, self._first_lines[name]))
        others = "" if counts[name] == self.with_problem else f"; {self.with_problem} rows have some problem"
        return ExtractError(
            where=f"{contract.partner}: {self.table.file}, column {column}",
            rule=(
                f"{rule} ({code}) on {counts[name]} of {self.rows} rows, first on line {first}{others}; "
                f"the contract tolerates {contract.tolerated_problem_share:.1%} of rows."
            ),
            remedy=f"{remedy}, and export the file again.",
        )

    def refuse_too_many_problems(self, contract: Contract) -> None:
        """Raise ExtractError beyond the contract's tolerated share of rows with problems."""
        refusal = self.refusal(contract)
        if refusal is not None:
            raise refusal

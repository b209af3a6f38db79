"""What can go wrong, told the same way everywhere: where, which rule, what to do. Never a person's value.

No exception of another library with a value in its text may cross a stage's boundary: catch it, and raise one
of these `from None`.
"""

from __future__ import annotations


class WholeFamilyError(Exception):
    """A problem somebody can act on; `exit_code` is what the command line returns for it."""

    exit_code = 1

    def __init__(self, *, where: str, rule: str, remedy: str) -> None:
        self.where = where
        self.rule = rule
        self.remedy = remedy
        super().__init__(f"{where}: {rule} What to do: {remedy}")


class DeclarationError(WholeFamilyError):
    """A contract, agreement, encoding, link model or pack is not well formed."""

    exit_code = 2


class ExtractError(WholeFamilyError):
    """A partner's raw extract cannot be pseudonymised as it is."""

    exit_code = 3


class KeyMaterialError(WholeFamilyError):
    """A key is missing, unreadable, or not the one expected."""

    exit_code = 4


class DeliveryError(WholeFamilyError):
    """A delivery is rejected by the hub; nothing users see has changed. `code` is recorded in the registry."""

    exit_code = 5

    def __init__(self, *, code: str, where: str, rule: str, remedy: str) -> None:
        self.code = code
        super().__init__(where=where, rule=rule, remedy=remedy)


class StoreError(WholeFamilyError):
    """The database cannot be reached, started or migrated."""

    exit_code = 6


class BuildError(WholeFamilyError):
    """The build cannot go on; the last published night stays in place."""

    exit_code = 7


class OrchestrationError(WholeFamilyError):
    """Airflow does not start, or a DAG has failed."""

    exit_code = 8


class CaseworkError(WholeFamilyError):
    """A step, claim or certificate that the rules of casework do not allow; nothing was changed."""

    exit_code = 10


class LatenessError(WholeFamilyError):
    """A partner has delivered nothing that could be taken in for longer than its contract allows."""

    exit_code = 12


class TruthError(WholeFamilyError):
    """The truth to measure against is missing or not in its layout."""

    exit_code = 9


class TransportError(WholeFamilyError):
    """The place where deliveries are handed over cannot be reached, or is not the one that is known."""

    exit_code = 13


class RightsError(WholeFamilyError):
    """A request of a data subject that cannot be carried out as it was given; nothing was changed."""

    exit_code = 14


class ReleaseError(WholeFamilyError):
    """Something may not leave as it was asked for: no agreement covers it, or it would tell of too few."""

    exit_code = 15

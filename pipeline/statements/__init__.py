"""What each run said of each family: kept for good, and asked back by two dates (which day, known when)."""

from pipeline.statements.ask import Answer, Change, Move, Moves, moves_between, said_of
from pipeline.statements.record import record

__all__ = ["Answer", "Change", "Move", "Moves", "moves_between", "record", "said_of"]

"""The dozen's installation, as in tests/whole_way."""

from tests.whole_way.conftest import dozen, run, settings

__all__ = ["dozen", "run", "settings"]

"""The dozen's installation, as in tests/whole_way."""

from tests.whole_way.conftest import built_dozen, dozen, run, settings

__all__ = ["built_dozen", "dozen", "run", "settings"]

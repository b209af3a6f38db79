"""The first call of a compiled kernel takes a second: Hypothesis must not take that for slowness."""

from hypothesis import settings

settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

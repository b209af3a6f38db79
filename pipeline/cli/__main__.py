"""`python -m pipeline.cli`: the same as `wholefamily`, for paths a script's first line cannot hold."""

from pipeline.cli import main

main()

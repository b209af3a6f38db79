"""`python -m pipeline.kit`."""

from pipeline.kit import main

main()

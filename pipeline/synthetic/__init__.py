"""A made-up borough: its people, what four partners recorded of them, and the truth. No real person is in it.

`borough.synthesise` is the one entrance. Imports only contracts, records and errors; nothing of the pipeline that
is later measured against the truth.
"""

"""The partner's kit: from a raw extract, on the partner's premises, to a sealed delivery.

Read it in this order: pseudonymise (read_extract, check, encode, minimise), seal, deliver; reveal for the way back.
The hub never imports it.
"""

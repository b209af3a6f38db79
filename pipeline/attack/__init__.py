"""Attacks on the encodings, made to be strong: what somebody with the hub's data could find out. See docs/attacks.md.

All on made-up people. Nothing here runs on an installation's data, and nothing is known here of its keys.
"""

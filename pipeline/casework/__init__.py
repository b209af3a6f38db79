"""What a council does with the flags: cases and their life, one prioritised list, costs, progress, claims.

`life`, `priority`, `follow` and `night` are pure; `reading`, `register`, `moves`, `claiming` and `published` are the
thin part that reads and writes the store.
"""

-- Who looked at what, and what for.


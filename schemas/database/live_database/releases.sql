-- Releases: what has left, under disclosure control.


-- Versions of the linkage key side by side.


-- What is held, under which agreement, why and how long.


"""How our linkage does beside the open tools, on other people's data and on made-up data whose truth is known.

`mapping` reads anybody's table, `case` lays it out for every tool alike, `encoded` is the partner's part and `linked`
the hub's, `tools` runs each tool in a process of its own, `quality` measures against the truth, `report` prints. For
benchmarks only: it holds clear text, a throw-away key and the encodings side by side, which no installation does.
"""

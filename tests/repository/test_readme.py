"""What the README says works: its queries, its commands, its links."""

from __future__ import annotations

import re
import shlex

from pipeline.settings import PROJECT
from tests.whole_way.conftest import Run

README = (PROJECT / "README.md").read_text()


def shell_lines() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def test_its_queries_answer_the_analyst(dozen: Run) -> None:
    asked = [shlex.split(line)[1:] for line in shell_lines() if " sql " in line]
    assert len(asked) == 3
    for command, home, _demo, *options in asked:
        assert (command, home) == ("sql", "--home")
        lines = dozen("sql", *options).out.strip().splitlines()
        assert len(lines) > 2, options  # a header, a rule, and rows


def test_the_demo_prints_the_same_queries() -> None:
    from pipeline.demo import QUERIES

    assert [shlex.split(line)[-1] for line in shell_lines() if " sql " in line] == list(QUERIES)


def test_every_command_it_names_exists() -> None:
    import typer

    from pipeline.cli import app

    known = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    named = set(re.findall(r"(?:^\s*|`|bin/)wholefamily ([a-z]+)", README, flags=re.MULTILINE))
    assert named
    assert not named - known
    targets = set(re.findall(r"^([a-z]+):", (PROJECT / "Makefile").read_text(), flags=re.MULTILINE))
    assert not set(re.findall(r"`?make ([a-z]+)", README)) - targets


def test_every_file_it_links_to_is_there() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert not [link for link in links if not (PROJECT / link).exists()]


def test_nothing_is_left_to_be_filled_in() -> None:
    for text in (README, (PROJECT / "benchmarks" / "RESULTS.md").read_text()):
        assert "<!--" not in text

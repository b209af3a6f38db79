"""docs/criteria says what the packs say, because it is made from them."""

from __future__ import annotations

from pathlib import Path

from pipeline.criteria.reference import pages, read_pack
from pipeline.settings import PROJECT

SCHEMAS = PROJECT / "schemas"


def test_the_reference_is_up_to_date() -> None:
    folder = PROJECT / "docs" / "criteria"
    made = pages(SCHEMAS)
    old = [name for name, text in made.items() if (folder / name).read_text(encoding="utf-8") != text]
    assert not old, "run: wholefamily criteria docs"
    assert {path.name for path in folder.glob("*.md")} == set(made)


def test_a_page_tells_each_rule_its_partner_window_source_and_cases() -> None:
    told = read_pack(SCHEMAS, "troubled-families-2012")
    page = pages(SCHEMAS)["troubled-families-2012.md"]
    for criterion in told.pack.criteria:
        assert criterion.sentence in page
        assert f"Source: {criterion.source}." in page
        assert all(rule.sentence in page for rule in criterion.any_of)
    assert "| `unauthorised_absence` |" in page
    assert "| schools | last 3 terms | 15 % or more of what is possible |" in page
    assert "(u) `out_of_work`: Carer's Allowance" in page
    assert all(case.label in page for case in told.cases)


def test_what_nobody_sends_is_told() -> None:
    page = pages(SCHEMAS)["fmp-2010.md"]
    assert "nobody yet: material deprivation" in page
    assert "No partner sends yet: health need, low income" in page
    assert Path(SCHEMAS / "criteria" / "fmp-2010.yaml").exists()

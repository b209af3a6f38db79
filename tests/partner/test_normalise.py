"""One spelling before anything is hashed."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import DeclarationError
from pipeline.partner import normalise
from pipeline.partner.dates import iso_dates


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("O'Brien", "OBRIEN"),
        ("O’Brien", "OBRIEN"),
        ("  smith - jones ", "SMITH JONES"),
        ("Mrs José  María", "JOSE MARIA"),
        ("Łukasz", "LUKASZ"),
        ("Müller", "MULLER"),
        ("Straße", "STRASSE"),
        ("ﬁnn", "FINN"),
        ("李小龙", "李小龙"),
        ("Na", "NA"),  # a surname, unlike N/A
        ("N/A", ""),
        ("n/k", ""),
        ("UNKNOWN", ""),
        ("Baby", ""),
        ("Test", ""),
        ("Dr", "DR"),
        ("-", ""),
        ("Smith2", "SMITH"),
    ],
)
def test_names(raw: str, normal: str) -> None:
    assert normalise.name(raw) == normal


@pytest.mark.parametrize(
    ("name", "part"), [("AL HASSAN", "HASSAN"), ("SMITH JONES", "SMITH"), ("VAN DER BERG", "BERG"), ("AL", "AL")]
)
def test_the_first_part_of_a_name_is_no_particle(name: str, part: str) -> None:
    assert normalise.first_part(name) == part


@given(st.text(max_size=40))
def test_normal_names_are_normal(text: str) -> None:
    once = normalise.name(text)
    assert normalise.name(once) == once
    assert once == " ".join(once.split())
    assert "\x1f" not in once  # what joins the parts of a block value


@given(st.text(max_size=30))
def test_spelling_of_case_and_space_does_not_matter(text: str) -> None:
    assert normalise.name(f"  {text.upper()}\t") == normalise.name(text.upper())


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("xb94qt", "XB9 4QT"),
        (" XB9  4QT ", "XB9 4QT"),
        ("EC1A1BB", "EC1A 1BB"),
        ("W1 1AA", "W1 1AA"),
        ("XB9", None),
        ("NOWHERE", None),
    ],
)
def test_postcodes(raw: str, normal: str | None) -> None:
    assert normalise.postcode(raw) == normal
    if normal:
        assert normalise.postcode(normal) == normal


@pytest.mark.parametrize(
    ("raw", "house"),
    [
        ("12 High Street", "12"),
        ("0012 HIGH ST.", "12"),
        ("12a High Street", "12A"),
        ("12 A High Street", "12A"),
        ("Flat 3, 12 High Street, XB9 4QT", "3.12"),
        ("3/12 High Street", "3.12"),
        ("Rose Cottage, Mill Lane", "ROSECOTTAGE"),
        ("rose cottage", "ROSECOTTAGE"),
        ("...", None),
    ],
)
def test_houses(raw: str, house: str | None) -> None:
    assert normalise.house(raw) == house


@pytest.mark.parametrize(("raw", "normal"), [("female", "F"), ("m", "M"), ("2", "F"), ("U", ""), ("Q", None)])
def test_sexes(raw: str, normal: str | None) -> None:
    assert normalise.sex(raw) == normal


@pytest.mark.parametrize(("raw", "normal"), [("007", "7"), ("12.0", "12"), ("-3", "-3"), ("1.5", None), ("x", None)])
def test_whole_numbers(raw: str, normal: str | None) -> None:
    assert normalise.whole_number(raw) == normal


@pytest.mark.parametrize(("raw", "normal"), [("1.50", "1.5"), ("10", "10"), ("100", "100"), ("1e5", None), ("", None)])
def test_numbers(raw: str, normal: str | None) -> None:
    assert normalise.number(raw) == normal


@pytest.mark.parametrize(
    ("raw", "forms", "iso", "malformed", "outside"),
    [
        ("2013-02-28", ("yyyy-MM-dd",), "2013-02-28", False, False),
        ("2013-02-30", ("yyyy-MM-dd",), None, True, False),
        ("28/02/2013", ("yyyy-MM-dd",), None, True, False),
        ("28/02/2013", ("dd/MM/yyyy", "yyyy-MM-dd"), "2013-02-28", False, False),
        ("2013-02-28", ("dd/MM/yyyy", "yyyy-MM-dd"), "2013-02-28", False, False),
        ("1/2/2013", ("dd/MM/yyyy",), "2013-02-01", False, False),
        ("01-Feb-2013", ("dd-MMM-yyyy",), "2013-02-01", False, False),
        ("2013-02-28 00:00:00", ("yyyy-MM-dd",), "2013-02-28", False, False),
        ("2013-02-28 09:30:00", ("yyyy-MM-dd",), None, True, False),
        ("9999-12-31", ("yyyy-MM-dd",), None, False, False),  # an end date that is open
        ("0201-03-04", ("yyyy-MM-dd",), None, False, True),
    ],
)
def test_dates(raw: str, forms: tuple[str, ...], iso: str | None, malformed: bool, outside: bool) -> None:
    found = iso_dates(pa.array([raw]), forms)
    assert (found[0][0].as_py(), bool(found[1][0]), bool(found[2][0])) == (iso, malformed, outside)


def test_the_placeholder_of_a_date_of_birth_is_no_date_of_birth() -> None:
    assert iso_dates(pa.array(["1900-01-01"]), ("yyyy-MM-dd",), birth=True)[0].to_pylist() == [None]
    assert iso_dates(pa.array(["1900-01-01"]), ("yyyy-MM-dd",))[0].to_pylist() == ["1900-01-01"]


def test_a_date_form_nobody_understands_is_the_contracts_fault() -> None:
    with pytest.raises(DeclarationError):
        iso_dates(pa.array(["x"]), ("quarter",))

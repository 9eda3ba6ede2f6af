"""One cell: what reads, what does not, and that the shortest text of a value reads back as the same value."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from twin.tables import values
from twin.tables.parse import harmless, unquoted

NUMBERS = st.decimals(min_value=-(10**12), max_value=10**12, allow_nan=False, allow_infinity=False, places=6)


@pytest.mark.parametrize(
    ("cell", "meant"),
    [
        ("12", 12),
        (" 12 ", 12),
        ("-0.5", "-0.5"),
        (".5", "0.5"),
        ("5.", 5),
        ("1e3", 1000),
        ("+2", 2),
        ("0012", 12),
    ],
)
def test_numbers_that_read(cell: str, meant: Any) -> None:
    assert values.number(cell) == Decimal(meant)


@pytest.mark.parametrize(
    ("cell", "code", "remedy"),
    [
        ("1_000", "N020", "digits"), ("1,200", "N020", "write 1200"), ("1.234,5", "N020", "write 1234.5"),
        ("١٢", "N020", "ordinary digits"), ("0x10", "N020", "digits"), ("infinity", "N021", "finite"),
        ("1e400", "N021", "10^18"), ("#DIV/0!", "H009", "formula"), ("n/a", "H009", "empty"),
        ("2026-01-05", "N020", "format it as a number"), ("€ 3,50", "N020", "decimal: ','"),
        ("", "N020", "digits"),
        ("TRUE", "N020", "digits"),
    ],
)  # fmt: skip
def test_numbers_that_do_not(cell: str, code: str, remedy: str) -> None:
    with pytest.raises(PydanticCustomError) as error:
        values.number(cell)
    assert error.value.type == code
    assert remedy in error.value.message()


def test_python_values_pass() -> None:
    assert values.number(0.1) == Decimal("0.1")
    assert values.number(7) == 7
    assert values.day(datetime(2026, 1, 5)) == values.day("2026-01-05") == date(2026, 1, 5)
    assert values.yes_no(True) is values.yes_no("是") is values.yes_no("TRUE") is True
    with pytest.raises(PydanticCustomError):
        values.number(True)


@given(NUMBERS)
@settings(max_examples=100, deadline=None)
def test_text_of_a_number_is_short_and_exact(number: Decimal) -> None:
    short = values.text(number)
    assert values.number(short) == number
    assert len(short) <= len(f"{number:f}")
    assert short == values.text(number * Decimal("1.000"))


@pytest.mark.parametrize(("number", "short"), [("1.50", "1.5"), ("-0.00", "0"), ("1E+3", "1000"), ("100", "100")])
def test_text_of_numbers(number: str, short: str) -> None:
    assert values.text(Decimal(number)) == short


def test_money_is_exact_up_to_its_range() -> None:
    money = TypeAdapter(values.Money)
    assert money.validate_python("90071992547409.92") == Decimal(2**53) / 100
    for cell, code in (("90071992547409.93", "M012"), ("0.001", "N020")):
        with pytest.raises(ValidationError) as error:
            money.validate_python(cell)
        assert error.value.errors()[0]["type"] == code


def test_ids_are_composed_and_stripped() -> None:
    assert values.identifier(" Cafe\u0301 ") == "Caf\u00e9"
    assert values.identifier(12) == "12"
    assert values.identifiers("A | B") == "A|B"


@pytest.mark.parametrize(
    ("cell", "law"),
    [
        ("0.5", ("fixed", (Decimal("0.5"),))),
        ("uniform (0.2, 1)", ("uniform", (Decimal("0.2"), Decimal(1)))),
        ("triangular(0,0.5,1)", ("triangular", (Decimal(0), Decimal("0.5"), Decimal(1)))),
    ],
)
def test_severities(cell: str, law: Any) -> None:
    assert values.severity_law(cell) == law


@given(st.text(max_size=8))
@settings(max_examples=100, deadline=None)
def test_harmless_text_comes_back(cell: str) -> None:
    """No spreadsheet takes it for a formula, and reading takes away exactly what writing added."""
    for text in (cell, "=" + cell, "'" + cell, "'=" + cell, "＋" + cell, "\t" + cell):
        safe = harmless(text)
        assert safe[:1] not in set("=+-@\t\r＝＋－＠") or not safe
        assert unquoted(safe) == text


def test_a_quote_of_the_users_own_stays() -> None:
    assert unquoted("'t Hof") == "'t Hof"
    assert unquoted("'") == "'"

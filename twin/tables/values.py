"""What one cell may hold: text in, a checked value out, an error with its code otherwise.

Cells are read as text and parsed here, never guessed: see RELIABILITY.md 5 for what the stock parsers
silently do. Python values pass too, so that a company can be built without files. `text` is the way back:
the shortest form of a value, the same in every file and in the input hash.
"""

import re
import unicodedata
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

# One grammar for numbers: ASCII digits, a point, an exponent; no separators, currency signs, nan or inf.
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity|1\.#\w+)", re.IGNORECASE)
_NOTHING = {"null", "none", "n/a", "na", "nil", "-", "--", "/", "?", "无", "空"}
_SPREADSHEET_ERRORS = {"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#CALC!"}
_DIGITS_MOST = 64
_INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # controls, format marks (direction, zero width), half characters
FORMULA_SIGNS = "=+-@＝＋－＠"
REMARK = "#"
EXACT_LIMIT = Decimal(2**53) / 100
LONGEST_TERM = 365


def fail(code: str, message: str, **context: Any) -> PydanticCustomError:
    """An error with a code of RELIABILITY.md 5."""
    return PydanticCustomError(code, message, context)


def text(value: Any) -> str:
    """The shortest text of a value that reads back as the same value; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        # Not normalize(): it would round to the precision of the decimal context.
        plain = format(value, "f")
        plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
        return "0" if plain in ("-0", "") else plain
    return str(value)


def is_spreadsheet_error(value: str) -> bool:
    return value.upper() in _SPREADSHEET_ERRORS


def _stripped(value: Any) -> str:
    found = text(value).strip()
    if is_spreadsheet_error(found):
        raise fail("H009", "is a spreadsheet error; mend the formula or leave the cell empty")
    return found


def number(value: Any) -> Decimal:
    """A decimal number from text, int, float or Decimal; exact, finite."""
    if value is None or isinstance(value, bool):
        raise fail("N020", "a number is missing" if value is None else "not a number; write 0 or 1")
    # NumPy numbers are floats whose repr names their type
    found = _stripped(repr(float(value)) if isinstance(value, float) else value)
    if _NOT_FINITE.fullmatch(found):
        raise fail("N021", "must be finite; leave the cell empty where nothing is known")
    if found.lower() in _NOTHING:
        raise fail("H009", "stands for nothing; leave the cell empty")
    if len(found) > _DIGITS_MOST:
        raise fail(
            "N021",
            "has more than {most} characters; a number must be finite and below 10^18",
            most=_DIGITS_MOST,
        )
    if not _NUMBER.fullmatch(found):
        raise fail("N020", "not a number; {remedy}", remedy=_remedy(found))
    result = Decimal(found)
    if abs(result) > Decimal(10) ** 18:
        raise fail("N021", "must be finite and below 10^18")
    return result


def _remedy(found: str) -> str:
    plain = re.sub(r"\d", lambda digit: str(int(digit[0])), unicodedata.normalize("NFKC", found)).strip()
    if plain != found and _NUMBER.fullmatch(plain):
        return f"write {plain} with ordinary digits"
    bare = re.sub(r"[\s$€£¥元]|CNY|RMB|EUR|USD", "", plain)
    if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", bare):
        return f"write {bare.replace(',', '')}, or declare thousands: ','"
    if re.fullmatch(r"[+-]?\d{1,3}(\.\d{3})*,\d+|[+-]?\d+,\d+", bare):
        return f"write {bare.replace('.', '').replace(',', '.')}, or declare decimal: ','"
    if bare.endswith("%") and _NUMBER.fullmatch(bare[:-1]):
        return f"write {text(Decimal(bare[:-1]) / 100)}"
    if bare != found and _NUMBER.fullmatch(bare):
        return f"write {bare}"
    if re.match(r"\d{4}-\d{2}-\d{2}", plain):
        return "the cell holds a date: format it as a number"
    return "allowed: digits, one decimal point, e.g. 1200 or 0.13"


def _quantum(places: int, what: str) -> Any:
    def check(value: Decimal) -> Decimal:
        if value != value.quantize(Decimal(1).scaleb(-places)):
            raise fail("N020", "has more than {places} decimals; {what}: round it", places=places, what=what)
        return value

    return check


def _at_least_zero(value: Decimal) -> Decimal:
    if value < 0:
        raise fail("N021", "must be finite and >= 0")
    return value


def _above_zero(value: Decimal) -> Decimal:
    if value <= 0:
        raise fail("N021", "must be above 0")
    return value


def _exact_range(value: Decimal) -> Decimal:
    if abs(value) > EXACT_LIMIT:
        raise fail("M012", "exceeds the exact range of 9e13")
    return value


def _whole(value: Decimal) -> int:
    if value != int(value):
        raise fail("N018", "must be a whole number")
    return int(value)


def _one_or_more(value: int) -> int:
    if value < 1:
        raise fail("N023", "must be >= 1")
    return value


def _fraction(value: Decimal) -> Decimal:
    if not 0 <= value <= 1:
        hint = f"; did you mean {text(value / 100)}?" if 1 < value <= 100 else ""
        raise fail("M008", "must be in [0, 1]{hint}", hint=hint)
    return value


def _rate(value: Decimal) -> Decimal:
    if value > 1:
        raise fail(
            "M006",
            "means {percent} %; did you mean {fraction}?",
            percent=text(value * 100),
            fraction=text(value / 100),
        )
    return value


def term(value: Any) -> int:
    """Days to pay: a whole number of days; the trade's own ways of writing terms are named, not guessed."""
    found = "" if value is None else _stripped(value)
    if re.search(r"[^\W\d_]|/", found) and not _NUMBER.fullmatch(found):
        if re.match(r"\d+(\.\d+)?\s*/\s*\d+", found):
            raise fail("M004", "early-payment discounts are not modelled; write the net days, e.g. 30")
        days = re.search(r"\d+", found)
        hint = f"; did you mean {days[0]}?" if days else ""
        raise fail("M004", "is not a number of days; write e.g. 30{hint}", hint=hint)
    days_net = _whole(_at_least_zero(number(value)))
    if days_net > LONGEST_TERM:
        raise fail("M005", "exceeds the longest term of {most} days", most=LONGEST_TERM)
    return days_net


def identifier(value: Any) -> str:
    """An id: text as it stands, without invisible characters, not starting like a formula or a remark."""
    found = unicodedata.normalize("NFC", _stripped(value))
    if not found:
        raise fail("N011", "an id is missing")
    if found[0] in FORMULA_SIGNS:
        raise fail("N011", "starts with '{sign}'; allowed: letters, digits, _ - .", sign=found[0])
    if found[0] == REMARK:
        raise fail("N011", "starts with '#', which marks a remark; allowed: letters, digits, _ - .")
    if len(found) > 64:
        raise fail("N011", "has {length} characters; allowed: 1 to 64", length=len(found))
    for sign in found:
        if unicodedata.category(sign) in _INVISIBLE:
            what = "a line break" if sign in "\r\n" else f"the invisible character U+{ord(sign):04X}"
            raise fail("N011", "contains {what}; type it again", what=what)
    return found


def day(value: Any) -> date:
    """A calendar date: ISO text or a date cell."""
    if isinstance(value, datetime):
        value = value.date() if value.time() == datetime.min.time() else str(value)
    if isinstance(value, date):
        return _plausible(value)
    found = "" if value is None else _stripped(value)
    if not found:
        raise fail("S004", "a date is missing; write it as 2026-01-31")
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", found):
        return _plausible(_calendar_day(found))
    if re.fullmatch(r"[0-9]{5}(\.0*)?", found):
        raise fail("H006", "looks like an Excel date; format the column as a date or declare dates: excel")
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ].*", found):
        raise fail("H017", "has a time of day; give dates, not times")
    year_first = re.fullmatch(r"(\d{4})[/.年-]?(\d{1,2})[/.月-]?(\d{1,2})日?", found)
    if year_first:
        raise fail("S004", "is not written as a date; write {iso}", iso=_iso(*year_first.groups()))
    year_last = re.fullmatch(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})", found)
    if year_last:
        first, second, year = year_last.groups()
        if int(second) > 12:  # the month stands first
            first, second = second, first
        raise fail("S004", "is ambiguous; write {iso}", iso=_iso(year, second, first))
    raise fail("S004", "is not a date; write it as 2026-01-31")


def _iso(year: str, month: str, day_of_month: str) -> str:
    return f"{int(year):04}-{int(month):02}-{int(day_of_month):02}"


def _calendar_day(iso: str) -> date:
    try:
        return date.fromisoformat(iso)
    except ValueError:
        raise fail("S004", "is not a day of the calendar") from None


def _plausible(value: date) -> date:
    if value.year < 1990:
        raise fail("H006", "lies before 1990: is it a day number that was read as a date?")
    if value.year > 2200:
        raise fail("H006", "lies after 2200; write a day of this or the next years")
    return value


def yes_no(value: Any) -> bool:
    """yes or no, in both languages, or what a spreadsheet makes of a tick; nothing else is guessed."""
    if isinstance(value, bool):
        return value
    known = {"yes": True, "no": False, "是": True, "否": False, "true": True, "false": False}
    found = _stripped(value).lower()
    if found not in known:
        raise fail("N019", "write yes or no")
    return known[found]


def _correlation(value: Decimal) -> Decimal:
    if abs(value) > 1:
        raise fail("S008", "must be in [-1, 1]")
    return value


def severity_law(value: str) -> tuple[str, tuple[Decimal, ...]]:
    """A severity's law: ('fixed', (x,)), ('uniform', (low, high)) or ('triangular', (low, mode, high))."""
    remedy = "write a number, uniform(low, high) or triangular(low, mode, high)"
    called = re.fullmatch(r"([A-Za-z]+)\(([^()]*)\)", value.replace(" ", ""))
    name, inside = (called[1], called[2]) if called else ("fixed", value)
    parts = inside.split(",") if called else [inside]
    if {"fixed": 1, "uniform": 2, "triangular": 3}.get(name) != len(parts):
        raise fail("S007", "is not a severity; {remedy}", remedy=remedy)
    try:
        numbers = tuple(number(part) for part in parts)
    except PydanticCustomError as error:
        raise fail("S007", "{problem}; {remedy}", problem=error.message(), remedy=remedy) from None
    if numbers[0] < 0 or list(numbers) != sorted(numbers):
        raise fail("S007", "its numbers must be >= 0 and rise; {remedy}", remedy=remedy)
    if name == "triangular" and numbers[0] == numbers[2]:
        raise fail("S007", "low and high are equal: write the number alone")
    return name, numbers


def identifiers(value: Any) -> str:
    """One id, or several joined by '|'."""
    return "|".join(identifier(part) for part in text(value).split("|"))


Id = Annotated[str, BeforeValidator(identifier)]
Ids = Annotated[str, BeforeValidator(identifiers)]
Number = Annotated[Decimal, BeforeValidator(number)]
Money = Annotated[Number, AfterValidator(_quantum(2, "money has whole cents")), AfterValidator(_exact_range)]
Amount = Annotated[Money, AfterValidator(_at_least_zero)]
Price = Annotated[
    Number,
    AfterValidator(_at_least_zero),
    AfterValidator(_quantum(4, "prices have whole 1/10,000")),
    AfterValidator(_exact_range),
]
Share = Annotated[Number, AfterValidator(_fraction), AfterValidator(_quantum(6, "shares have whole millionths"))]
Rate = Annotated[
    Number,
    AfterValidator(_at_least_zero),
    AfterValidator(_rate),
    AfterValidator(_quantum(6, "rates have whole millionths")),
]
Factor = Annotated[Number, AfterValidator(_at_least_zero), AfterValidator(_quantum(6, "whole millionths"))]
Signed = Annotated[Number, AfterValidator(_quantum(6, "whole millionths"))]
Correlation = Annotated[Signed, AfterValidator(_correlation)]
Positive = Annotated[Number, AfterValidator(_at_least_zero)]
AboveZero = Annotated[Number, AfterValidator(_above_zero)]
Units = Annotated[int, BeforeValidator(lambda v: _whole(_at_least_zero(number(v))))]
Days = Annotated[int, BeforeValidator(lambda v: _whole(_at_least_zero(number(v))))]
Term = Annotated[int, BeforeValidator(term)]
Count = Annotated[int, BeforeValidator(lambda v: _one_or_more(_whole(number(v))))]
Day = Annotated[date, BeforeValidator(day)]
YesNo = Annotated[bool, BeforeValidator(yes_no)]

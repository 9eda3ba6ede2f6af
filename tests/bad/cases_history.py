"""H rows of RELIABILITY.md 5: the daily history, and what any table as a file can suffer."""

import io
import zipfile

import openpyxl

from tests.bad.base_company import HISTORY, TABLES
from tests.bad.case import Case

SALES, RECEIPTS = "history/sales.csv", "history/receipts.csv"
HEADER = "date,node,product,units,price,promotion,on_hand_close\n"
ROW = "2024-01-06,S1,A,4,10,no,9"  # the second day of the base history, row 3 of the file
LONG = HISTORY[SALES]
ZEROS = TABLES["products.csv"] + "0012,dry,V1,10,6,0.13,1\n"


def _bomb() -> bytes:
    """A workbook whose expanded size is far beyond its packed one."""
    stream = io.BytesIO()
    openpyxl.Workbook().save(stream)
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/bomb.xml", b" " * 30_000_000)
    return stream.getvalue()


def _never_calculated() -> bytes:
    """A workbook as a program writes it: a formula without its value."""
    book = openpyxl.Workbook()
    page = book.active
    page.title = "stock"
    for row in (["node", "product", "units"], ["DC1", "A", "=60+40"]):
        page.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


# fmt: off
OTHER_FILES = [
    Case("H001", "column missing", {"demand.csv": ("mean", "average")}, "demand.csv:1:mean",
         "found: node, product, average", also=frozenset({"N007"})),
    Case("H001", "column twice", {"demand.csv": ("size", "mean")}, "demand.csv:1:mean", "keep one"),
    Case("H001", "column twice in two languages", {"demand.csv": ("size", "日均需求")},
         "demand.csv:1:日均需求", "keep one"),
    Case("H001", "column without a name", {"demand.csv": ("size", "")}, "demand.csv:1", "no heading"),
    Case("H001", "empty file", {"demand.csv": ""}, "demand.csv:1", "the first row must hold the headings"),
    Case("H002", "ragged", {"demand.csv": ("S1,A,5,", "S1,A,5,,1")}, "demand.csv:2",
         "5 fields, the header has 4"),
    Case("H002", "decimal comma without quotes", {"products.csv": ("V1,10,6", "V1,10,5,6")},
         "products.csv:2", "in quotes"),
    Case("H003", "semicolons", {"demand.csv": TABLES["demand.csv"].replace(",", ";")}, "demand.csv:1",
         "declare delimiter: semicolon"),
    Case("H003", "tabs", {"demand.csv": TABLES["demand.csv"].replace(",", "\t")}, "demand.csv:1",
         "declare delimiter: tab"),
    Case("H006", "Excel date", {"planned.csv": ("2026-01-25", "46047")}, "planned.csv:2:date",
         "declare dates: excel"),
    Case("H006", "epoch", {"planned.csv": ("2026-01-25", "1970-01-01")}, "planned.csv:2:date", "before 1990"),
    Case("H009", "spreadsheet error", {"demand.csv": ("S1,A,5", "S1,A,#N/A")}, "demand.csv:2:mean",
         "formula"),
    Case("H009", "error in the first cell", {"demand.csv": ("S1,A,5", "#REF!,A,5")}, "demand.csv:2:node",
         "formula"),
    Case("H009", "NULL", {"demand.csv": ("S1,B,2.5,4", "S1,B,2.5,NULL")}, "demand.csv:3:size",
         "leave the cell empty"),
    Case("H009", "dash", {"demand.csv": ("S1,B,2.5,4", "S1,B,2.5,-")}, "demand.csv:3:size",
         "leave the cell empty"),
    Case("H009", "formula never calculated", {"stock.csv": None, "company.xlsx": _never_calculated()},
         "company.xlsx!stock:2:units", "open and save"),
    Case("H010", "leading zeros lost", {"products.csv": ZEROS, "demand.csv": ("S1,A,5,",
         "S1,A,5,\nS1,12,5,")}, "demand.csv:3:product", "did you mean '0012'?"),
    Case("H014", "quote never closed", {"demand.csv": ("S1,B,2.5", '"S1,B,2.5')}, "demand.csv:3",
         "never closed"),
    Case("H014", "quote inside a cell", {"demand.csv": ("S1,B,2.5", '"S"1,B,2.5')}, "demand.csv:3",
         "double the quotes"),
    Case("H014", "long cell", {"demand.csv": ("S1,B,2.5", "S" * 200_000 + ",B,2.5")}, "demand.csv:3",
         "131,072"),
    Case("H015", "archive that expands", {"company.xlsx": _bomb()}, "company.xlsx", "save it anew"),
    Case("H016", "zero byte", {"demand.csv": ("S1,B,2.5", "S\x001,B,2.5")}, "demand.csv", "take it out"),
    Case("H016", "lone carriage return", {"demand.csv": ("S1,B,2.5", "S1\r,B,2.5")}, "demand.csv",
         "save it anew"),
    Case("H017", "time of day", {"planned.csv": ("2026-01-25", "2026-01-25 08:00")}, "planned.csv:2:date",
         "give dates, not times"),
]
# fmt: on

# fmt: off
IN_HISTORY = [
    Case("H001", "misspelt", {SALES: ("units", "qty")}, "sales.csv:1:units",
         "found: date, node, product, qty", also=frozenset({"N007"})),
    Case("H002", "ragged", {SALES: (ROW, ROW + ",1")}, "sales.csv:3", "8 fields, the header has 7"),
    Case("H003", "semicolons", {SALES: LONG.replace(",", ";")}, "sales.csv:1",
         "declare delimiter: semicolon"),
    Case("H004", "decimal comma", {SALES: (",4,10,no", ',4,"1.234,5",no')}, "sales.csv:3:price",
         "write 1234.5, or declare decimal: ','"),
    Case("H004", "thousands", {SALES: (",4,10,no", ',"1,234",10,no')}, "sales.csv:3:units",
         "declare thousands: ','"),
    Case("H005", "day twice", {SALES: (ROW, f"{ROW}\n{ROW.replace(',4,', ',5,')}")}, "sales.csv:4:product",
         "row 3 already, with different units"),
    Case("H006", "Excel date", {SALES: ("2024-01-06", "45297")}, "sales.csv:3:date", "declare dates: excel"),
    Case("H006", "after the start", {SALES: ("2024-01-06", "2026-01-06")}, "sales.csv:3:date",
         "ends the day before"),
    Case("H006", "epoch", {SALES: ("2024-01-06", "1970-01-01")}, "sales.csv:3:date", "before 1990"),
    Case("H007", "missing day", {SALES: (ROW + "\n", "")}, "sales.csv", "1 missing days", severity="W"),
    Case("H008", "negative sales", {SALES: ("S1,A,4", "S1,A,-3")}, "sales.csv:3:units",
         "in the column returns"),
    Case("H009", "spreadsheet error", {SALES: ("S1,A,4", "S1,A,#N/A")}, "sales.csv:3:units",
         "leave the cell empty"),
    Case("H009", "NaN", {SALES: ("S1,A,4", "S1,A,nan")}, "sales.csv:3:units", "leave the cell empty"),
    Case("H010", "leading zeros lost", {"products.csv": ZEROS, SALES: ("S1,A,4", "S1,12,4")},
         "sales.csv:3:product", "did you mean '0012'?"),
    Case("N012", "product not in the company", {SALES: (ROW, ROW + "\n2024-01-06,S1,C,4,10,no,9")},
         "sales.csv:4:product", "left out", severity="W", also=frozenset({"H012"})),
    Case("H011", "sold out", {SALES: (ROW, ROW[:-1] + "0")}, "sales.csv", "demand is censored", severity="W"),
    Case("H012", "short history", {SALES: "\n".join(LONG.splitlines()[:42]) + "\n"}, "sales.csv",
         "41 days of history for product A", severity="W"),
    Case("H013", "more than all", {SALES: ("S1,A,4", "S1,A,1e308")}, "sales.csv:3:units", "10^18"),
    Case("H013", "beyond single precision", {SALES: ("S1,A,4", "S1,A,20000000")}, "sales.csv:3:units",
         "16,777,216"),
    Case("H014", "quote never closed", {SALES: ("S1,A,4", '"S1,A,4')}, "sales.csv:3", "quote"),
    Case("H016", "line break in an id", {SALES: ("S1,A,4", '"S\n1",A,4')}, "sales.csv:3:node", "line break"),
    Case("H016", "zero byte", {SALES: ("S1,A,4", "S1\x00,A,4")}, "sales.csv", "take it out"),
    Case("H017", "time of day", {SALES: ("2024-01-06,S1", "2024-01-06T02:30,S1")}, "sales.csv:3:date",
         "give dates, not times"),
    Case("H018", "outlier", {SALES: ("S1,A,4", "S1,A,1000000")}, "sales.csv:3:units", "median", severity="W"),
    Case("N018", "part of a unit", {SALES: ("S1,A,4", "S1,A,4.5")}, "sales.csv:3:units", "whole number"),
    Case("N019", "promotion", {SALES: ("4,10,no", "4,10,0")}, "sales.csv:3:promotion", "yes or no"),
    Case("S003", "received before it was ordered", {RECEIPTS: ("2025-11-10", "2025-11-01")},
         "receipts.csv:2:received", "swap the two dates?"),
    Case("S003", "units without a day", {RECEIPTS: ("2025-11-10", "")}, "receipts.csv:2:received_units",
         "give the date received"),
    Case("H005", "receipt twice",
         {RECEIPTS: HISTORY[RECEIPTS] + "PO1,V1,DC1,A,2025-11-03,2025-11-10,40,40\n"},
         "receipts.csv:4:received", "with the same figures"),
    Case("N010", "table twice", {"history/收货.csv": HISTORY[RECEIPTS]}, "收货.csv", "keep one"),
]
# fmt: on

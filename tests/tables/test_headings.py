"""What columns and tables are called: both languages, with and without unit, each name meaning one column."""

from typing import Any

import pytest
from pydantic_core import PydanticCustomError

from twin.tables.about_zh import ABOUT_ZH
from twin.tables.headings import choices, column_named, extra, kind, plain, table_named, written
from twin.tables.history import Receipt, Sale
from twin.tables.rows import TABLES, Product, Settings

MODELS: tuple[Any, ...] = (*TABLES, Settings, Sale, Receipt)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_heading_means_one_column(model: Any) -> None:
    for name, info in model.model_fields.items():
        assert info.description and extra(info, "zh")
        for lang in ("en", "zh"):
            assert column_named(model, written(name, info, lang)).column == name
            assert column_named(model, f"  {written(name, info, lang).upper()} ").column == name
        assert kind(info) != "choice" or choices(info)
    names = [plain(name) for name in model.model_fields] + [plain(extra(i, "zh")) for i in model.model_fields.values()]
    assert len(names) == len(set(names))


def test_every_column_is_described_in_chinese() -> None:
    assert {model.table: list(model.model_fields) for model in TABLES} == {
        table: list(columns) for table, columns in ABOUT_ZH.items()
    }


def test_tables_are_named_in_both_languages() -> None:
    for model in TABLES:
        assert table_named(model.table.upper()) is table_named(model.zh) is model
    assert table_named("open items") is table_named("Open-Items")
    assert table_named("nothing") is None


@pytest.mark.parametrize(
    "cell",
    ["price", "售价", "Price [currency/unit]", "售价 [元/件]", "售价（货币/件）", "PRICE(currency/pcs)"],
)
def test_headings_that_are_understood(cell: str) -> None:
    assert column_named(Product, cell).column == "price"


def test_a_currency_in_a_heading_is_kept_for_the_check() -> None:
    assert column_named(Product, "price [EUR/unit]").currency == "EUR"


@pytest.mark.parametrize("cell", ["price [cents/unit]", "price [万元/件]", "price [currency/day]", "vat [%]"])
def test_another_unit_is_refused(cell: str) -> None:
    with pytest.raises(PydanticCustomError) as error:
        column_named(Product, cell)
    assert error.value.type == "N023"

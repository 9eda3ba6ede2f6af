"""The tables of a history beyond sales: the data contract of CALIBRATION.md 3.1, a line a column.

Every table may carry `recorded`, the day a row became known; where it does, a later row of the same key is a revision
and not a duplicate. Sales may be fractions here, where a mapping turned weights into units.
"""

from typing import Literal

from twin.tables.history import Receipt
from twin.tables.history import Sale as WholeSale
from twin.tables.rows import REQUIRED, Row, column
from twin.tables.values import Amount, Day, Id, Positive, Price, Share, Signed, Units, YesNo

RECORDED = ("登记日期", "date", "the day this row became known", "the row's own day")


class Sale(WholeSale):
    units: Positive | None = column(  # type: ignore[assignment]  # a wider column than the simulator's
        REQUIRED, "数量", "unit", "units sold, gross of returns; empty: not recorded"
    )


class Inventory(Row):
    table, zh, key = "inventory", "库存", ("date", "node", "product")
    about = "Stock of stores and distribution centres. What was there at the opening bounds what could be sold."
    date: Day = column(REQUIRED, "日期", "date", "the day")
    node: Id = column(REQUIRED, "节点", "", "the node")
    product: Id = column(REQUIRED, "商品", "", "the product")
    on_hand_open: Signed | None = column(REQUIRED, "期初库存", "unit", "at the opening, after the morning's receipts")
    on_hand_close: Signed | None = column(REQUIRED, "日末库存", "unit", "at the end of the day")
    in_stock: Share | None = column(None, "有货时间", "fraction", "share of opening hours with stock", "not recorded")
    receipts: Units | None = column(None, "收货", "unit", "what came during the day", "none")
    adjustments: Signed | None = column(None, "调整", "unit", "count corrections and write-offs, signed", "none")
    recorded: Day | None = column(None, *RECORDED)


class CalendarDay(Row):
    table, zh, key = "calendar", "日历", ("date", "node")
    about = "Opening days and holidays of a place; days without a row are open and ordinary."
    date: Day = column(REQUIRED, "日期", "date", "the day")
    node: Id = column(REQUIRED, "节点", "", "the store")
    open: YesNo = column(REQUIRED, "营业", "", "whether it was open")
    holiday: Id | None = column(REQUIRED, "假日", "", "name of the holiday, empty on ordinary days")


class Planned(Row):
    table, zh, key = "plan", "计划", ("date", "node", "product")
    about = "Prices and promotions as they were planned, also for days to come."
    date: Day = column(REQUIRED, "日期", "date", "the day")
    node: Id = column(REQUIRED, "节点", "", "the store")
    product: Id = column(REQUIRED, "商品", "", "the product")
    price: Price = column(REQUIRED, "售价", "currency/unit", "planned price net of VAT")
    promotion: YesNo = column(REQUIRED, "促销", "", "whether it is promoted")
    recorded: Day | None = column(None, *RECORDED)


class PurchaseOrder(Receipt):
    table, zh = "purchase_orders", "采购订单"
    about = "Order lines to suppliers and own nodes; a delivery in parts has a row for each."
    status: Literal["open", "received", "cancelled"] | None = column(None, "状态", "", "of the line", "by its dates")
    promised: Day | None = column(None, "承诺日期", "date", "the day it was promised for", "not recorded")
    cancelled: Day | None = column(None, "取消日期", "date", "the day it was cancelled", "not cancelled")
    recorded: Day | None = column(None, *RECORDED)


class Payment(Row):
    table, zh, key = "payments", "收付款", ("invoice",)
    about = "Invoices, and when they were paid."
    invoice: Id = column(REQUIRED, "发票", "", "the invoice")
    counterparty: Id = column(REQUIRED, "往来单位", "", "who pays, or is paid")
    direction: Literal["in", "out"] = column("in", "方向", "", "in: they pay us; out: we pay", "in")
    invoiced: Day = column(REQUIRED, "开票日期", "date", "the day of the invoice")
    due: Day = column(REQUIRED, "到期日", "date", "the day it is due")
    paid: Day | None = column(REQUIRED, "付款日期", "date", "the day it was paid, empty if open")
    amount: Amount = column(REQUIRED, "金额", "currency", "with VAT")


class Member(Row):
    table, zh, key = "hierarchy", "层级", ("member", "parent")
    about = "Categories of products and regions of nodes, with the days from and to which they hold."
    member: Id = column(REQUIRED, "成员", "", "product, node or group")
    parent: Id = column(REQUIRED, "上级", "", "the group it belongs to")
    valid_from: Day | None = column(None, "生效日期", "date", "first day", "always")
    valid_to: Day | None = column(None, "失效日期", "date", "last day", "always")


TABLES: tuple[type[Row], ...] = (Sale, Inventory, CalendarDay, Planned, PurchaseOrder, Payment, Member)
# The column that says when a row came to be, for what was known as of a day; a plan and a calendar look ahead.
HAPPENED = {"sales": "date", "inventory": "date", "purchase_orders": "ordered", "payments": "invoiced",
            "hierarchy": "valid_from"}  # fmt: skip
# What could not be known before its own day.
LATER = {"purchase_orders": ("received", "cancelled"), "payments": ("paid",)}

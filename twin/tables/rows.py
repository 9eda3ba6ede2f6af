"""The rows of every table: one model per table, one line per column. This file is the data dictionary.

A column states its headings in both languages, its unit, what it is, its default and where the default comes from;
the workbook, the checks, the assumptions page and the documentation read it here. Which cells were given stands in
`model_fields_set`; every other value is an assumption and is reported as one.
"""

from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from twin.tables.values import (
    AboveZero,
    Amount,
    Correlation,
    Count,
    Day,
    Days,
    Factor,
    Id,
    Ids,
    Money,
    Positive,
    Price,
    Rate,
    Share,
    Signed,
    Term,
    Units,
    YesNo,
)

REQUIRED: Any = ...


def column(default: Any, zh: str, unit: str, about: str, source: str = "", code: str = "") -> Any:
    """A column: default (REQUIRED if there is none), Chinese heading, unit, meaning, source of the default.

    `code` is the code of RELIABILITY.md 5 for a value out of range, where it has a more telling one than the type.
    """
    extra: Any = {"zh": zh, "unit": unit, "source": source, "code": code}
    return Field(default, description=about, json_schema_extra=extra)


class Row(BaseModel):
    """A row of a table: frozen, unknown columns refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)
    table: ClassVar[str]
    zh: ClassVar[str]
    about: ClassVar[str]
    required: ClassVar[bool] = False
    key: ClassVar[tuple[str, ...]] = ()


class Node(Row):
    table, zh, required, key = "nodes", "节点", True, ("node",)
    about = "Suppliers, distribution centres and stores. A store may stand for a region."
    node: Id = column(REQUIRED, "节点", "", "id of the node")
    kind: Literal["supplier", "dc", "store"] = column(REQUIRED, "类型", "", "supplier, dc or store")
    source: Id | None = column(None, "供货节点", "", "the dc that serves it, where no lanes are given", "the only dc")
    channel: Id = column("card", "渠道", "", "sales channel, see receivables", "card sales")
    capacity: Units | None = column(None, "发货能力", "unit/day", "most it can dispatch a day", "no limit",
                                    "N025")  # fmt: skip
    storage_cost: Price | None = column(None, "仓储费", "currency/unit/day", "storage, instead of the product's")


class Product(Row):
    table, zh, required, key = "products", "商品", True, ("product",)
    about = "What is sold. A product may stand for a category."
    product: Id = column(REQUIRED, "商品", "", "id of the product")
    category: Id = column("all", "品类", "", "category, for shared demand factors and policies", "one category")
    supplier: Id | None = column(None, "供应商", "", "who supplies it, where no sourcing is given", "the only supplier")
    price: Price = column(REQUIRED, "售价", "currency/unit", "selling price net of VAT")
    cost: Price = column(REQUIRED, "成本", "currency/unit", "standard cost and purchase price net of VAT")
    vat: Rate = column("0.13", "增值税率", "fraction", "VAT rate of sales and purchases", "China's standard rate")
    pack: Count = column(1, "箱规", "unit", "orders are whole packs", "single units")
    lost_share: Share = column("1", "流失比例", "fraction", "unmet demand that is lost, the rest waits", "retail: lost")
    shelf_life: Count | None = column(None, "保质期", "day", "days at a node until it expires", "does not expire")
    shrink: Share = column("0", "日损耗率", "fraction/day", "stock lost a day", "none")
    return_share: Share = column("0", "退货率", "fraction", "sales that come back", "none")
    return_lag: Count = column(7, "退货天数", "day", "days from sale to return", "judgement")
    storage_cost: Price = column("0", "仓储费", "currency/unit/day", "storage per unit and day", "none")
    recoverable_value: Price | None = column(None, "可变现净值", "currency/unit", "what a unit can be sold off for",
                                             "no write-down test")  # fmt: skip
    nolv: Share = column("0.5", "净清算率", "fraction", "net orderly liquidation value of stock at cost", "judgement")


class Demand(Row):
    table, zh, required, key = "demand", "需求", True, ("node", "product")
    about = "Mean daily demand of each store-product."
    node: Id = column(REQUIRED, "节点", "", "the store")
    product: Id = column(REQUIRED, "商品", "", "the product")
    mean: Positive = column(REQUIRED, "日均需求", "unit/day", "mean daily demand before calendar and promotions")
    size: AboveZero | None = column(None, "离散参数", "", "negative binomial size: variance = mean + mean^2/size",
                                    "Poisson demand", "S007")  # fmt: skip
    zero_share: Share = column("0", "零需求比例", "fraction", "days without demand beyond the law's own", "none")


class Supplier(Row):
    table, zh, required, key = "suppliers", "供应商条款", True, ("supplier",)
    about = "Terms of each supplier."
    supplier: Id = column(REQUIRED, "供应商", "", "a node of kind supplier")
    net_days: Term = column(REQUIRED, "账期", "day", "days from title to payment")
    credit_limit: Amount | None = column(None, "授信额度", "currency", "most it lets us owe and have on order",
                                         "no limit")  # fmt: skip
    penalty_rate: Rate = column("0", "滞纳金年利率", "fraction/year", "penalty on overdue bills", "none")


class Opening(Row):
    table, zh, required, key = "opening", "期初资产负债表", True, ("account",)
    about = "Opening balance sheet: positive amounts, on the side where the account usually stands."
    account: Literal["1000", "1010", "1100", "1110", "1119", "1150", "1200", "1210", "1220", "1230", "1290", "1300",
                     "1310", "1400", "1500", "2000", "2010", "2050", "2100", "2150", "2160", "2200", "2210", "2300",
                     "2400", "2500", "3000", "3100"] = column(REQUIRED, "科目", "", "account code")  # fmt: skip
    amount: Money = column(REQUIRED, "金额", "currency", "balance on the start date")


class Setting(Row):
    table, zh, key = "company", "公司设置", ("setting",)
    about = "Settings of the company as a whole, one per row."
    setting: Id = column(REQUIRED, "设置", "", "name of the setting")
    value: Id = column(REQUIRED, "取值", "", "its value")


class Settings(BaseModel):
    """All settings, with their defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)
    name: Id = column("Company", "公司名称", "", "name on the report", "")
    currency: Id = column("CNY", "币种", "", "the one currency", "")
    display_unit: Count = column(1, "显示单位", "currency", "amounts in reports are divided by it", "")
    start: Day = column("2026-01-05", "起始日期", "date", "first day of the simulation", "a Monday")
    days: Count = column(364, "天数", "day", "horizon", "one year of whole weeks", "S013")
    weekend: Literal["sat,sun", "sun", "none"] = column("sat,sun", "周末", "", "days on which banks are closed",
                                                        "usual")  # fmt: skip
    minimum_cash: Amount = column("0", "最低现金", "currency", "cash the treasury keeps", "none")
    accrual_days: Count = column(30, "应计账期", "day", "freight, storage and order costs are paid after",
                                 "monthly invoice", "M005")  # fmt: skip
    vat_lag: Count = column(15, "增值税缴纳期", "day", "days from month end to payment", "China: by the 15th", "M005")
    tax_rate: Rate = column("0.25", "所得税率", "fraction", "income tax", "China's standard rate")
    tax_lag: Count = column(15, "所得税缴纳期", "day", "days from quarter end to payment", "China: by the 15th", "M005")
    grace_days: Days | None = column(30, "违约宽限期", "day", "closes with unpaid dues before default",
                                     "the design's default rule")  # fmt: skip
    balance_sheet_test: YesNo = column("no", "资不抵债测试", "", "negative equity is default", "not declared")
    cure_days: Days | None = column(None, "契约补救期", "day", "closes in breach of a covenant before default",
                                    "a breach is reported, not default")  # fmt: skip
    default_margin: Rate = column("0.02", "违约加息", "fraction/year", "added to rates in default", "usual clause")
    gate: Literal["spot", "look_ahead"] = column("look_ahead", "现金闸门", "", "how orders are held to cash",
                                                 "a careful treasurer")  # fmt: skip
    gate_days: Days = column(28, "闸门天数", "day", "how far the gate looks ahead", "four weeks")
    gate_beta: Share = column("0.8", "预期回款系数", "fraction", "expected receipts that count", "judgement")
    gate_buffer: Amount = column("0", "闸门缓冲", "currency", "kept out of the gate's budget", "none")
    inventory_advance: Share | None = column(None, "存货垫款率", "fraction", "borrowing base: advance on cost",
                                             "no borrowing base")  # fmt: skip
    nolv_advance: Share = column("0.85", "清算垫款率", "fraction", "borrowing base: advance on liquidation value",
                                 "usual 85-90 %")  # fmt: skip
    base_reserves: Amount = column("0", "准备金", "currency", "taken off the borrowing base", "none")
    base_in_transit: YesNo = column("no", "在途计入", "", "titled goods on the way count", "usual")
    certificate: Literal["daily", "weekly", "month_end"] = column("month_end", "借款基数证明", "",
                                                                  "when the base is certified", "usual")  # fmt: skip


class Lane(Row):
    table, zh, key = "lanes", "线路", ("source", "destination")
    about = "Who ships to whom. Without lanes every supplier ships to every dc, and a dc to the stores it serves."
    source: Id = column(REQUIRED, "起点", "", "supplier or own node")
    destination: Id = column(REQUIRED, "终点", "", "own node")
    lead_time: Positive | None = column(None, "平均提前期", "day", "mean lead time, at least 1",
                                        "7 from suppliers, 1 from own nodes", "N018")  # fmt: skip
    lead_time_deviation: Positive | None = column(
        None, "提前期标准差", "day", "standard deviation of the lead time",
        "a quarter of the mean from suppliers, 0 from own nodes", "S007")  # fmt: skip
    lead_time_law: Literal["fixed", "gamma", "lognormal", "empirical"] = column(
        "gamma", "提前期分布", "", "law of the lead time, rounded to whole days; empirical: see lead_times", "usual",
        "S007")  # fmt: skip
    lead_time_max: Count | None = column(None, "最长提前期", "day", "longer lead times are cut to it",
                                         "twice the 99.9 % quantile", "N018")  # fmt: skip
    crossing: YesNo = column("yes", "可超越", "", "a later shipment may arrive earlier", "the design's default")
    capacity: Units | None = column(None, "线路能力", "unit/day", "most it carries a day", "no limit", "N025")
    minimum_order: Units = column(0, "最小起订量", "unit", "smallest order line", "none")
    freight: Price = column("0", "运费", "currency/unit", "freight per unit (own and FOB lanes)", "none")
    order_cost: Amount = column("0", "订单费", "currency", "cost of an order line", "none")
    incoterm: Literal["DDP", "FOB", "FCA"] = column("DDP", "贸易术语", "", "where title passes", "domestic retail",
                                                "M004")  # fmt: skip
    deposit: Share = column("0", "预付比例", "fraction", "paid when ordering", "none")


class LeadTime(Row):
    table, zh = "lead_times", "提前期观测"
    about = "Observed lead times for lanes whose law is empirical."
    source: Id = column(REQUIRED, "起点", "", "supplier or own node")
    destination: Id = column(REQUIRED, "终点", "", "own node")
    days: Count = column(REQUIRED, "天数", "day", "lead time observed", code="N018")
    count: Count = column(1, "次数", "", "how often", "once")


class Sourcing(Row):
    table, zh, key = "sourcing", "采购来源", ("node", "product", "source")
    about = "From whom a node buys a product, where it is not its product's supplier or its own dc."
    node: Id = column(REQUIRED, "节点", "", "the node that orders")
    product: Id = column(REQUIRED, "商品", "", "the product")
    source: Id = column(REQUIRED, "来源", "", "supplier or own node")
    share: Share | None = column(None, "份额", "fraction", "share of its orders", "everything from the one source",
                                 "N017")  # fmt: skip
    priority: Count | None = column(None, "优先级", "", "rank, 1 first, instead of shares")
    cost: Price | None = column(None, "采购价", "currency/unit", "purchase price net of VAT", "the product's cost")
    minimum_order: Units | None = column(None, "最小起订量", "unit", "smallest order line", "the lane's")


class Stock(Row):
    table, zh, key = "stock", "期初库存", ("node", "product")
    about = "Stock on the start date. Without it the inventory of the balance sheet is spread by what policies want."
    node: Id = column(REQUIRED, "节点", "", "own node")
    product: Id = column(REQUIRED, "商品", "", "the product")
    units: Units = column(REQUIRED, "数量", "unit", "stock on hand")
    value: Amount | None = column(None, "金额", "currency", "at cost",
                                  "the balance sheet's inventory, in proportion to standard cost")  # fmt: skip
    backorders: Units = column(0, "缺货待补", "unit", "customers waiting", "none")


class OpenOrder(Row):
    table, zh = "orders", "在途订单"
    about = "Orders open on the start date. Without it delivered (DDP) lanes carry their steady pipeline."
    source: Id = column(REQUIRED, "来源", "", "supplier or own node")
    node: Id = column(REQUIRED, "节点", "", "the node that ordered")
    product: Id = column(REQUIRED, "商品", "", "the product")
    units: Count = column(REQUIRED, "数量", "unit", "units")
    arrives: Day | None = column(None, "到货日期", "date", "arrival date of what is on the way", "not dispatched yet")
    dispatched: Day | None = column(None, "发运日期", "date",
                                    "when it left; each future then draws its arrival by the lane's lead times",
                                    "every future meets it on its arrival date")  # fmt: skip
    value: Amount | None = column(None, "金额", "currency", "at cost, goods we own on the way",
                                  "the balance sheet's goods in transit, in proportion to standard cost")  # fmt: skip
    deposit: Amount = column("0", "已付定金", "currency", "deposit held", "none")


class OpenItem(Row):
    table, zh = "open_items", "未结账项"
    about = "When the dues of the opening balance sheet fall due. Without it they are spread over their terms."
    kind: Literal["payable", "overdue", "receivable", "bad_receivable", "accrued", "vat", "tax", "interest"] = column(
        REQUIRED, "类型", "", "which account it belongs to")
    party: Id | None = column(None, "对方", "", "supplier, channel or facility")
    due: Day | None = column(None, "到期日", "date", "due date (not for overdue and interest)")
    amount: Amount = column(REQUIRED, "金额", "currency", "amount")


class Receivable(Row):
    table, zh = "receivables", "收款条款"
    about = "How each channel pays: one row per leg."
    channel: Id = column(REQUIRED, "渠道", "", "channel of a node")
    kind: Literal["card", "b2b"] = column("card", "类型", "", "consumers by card or wallet, or businesses", "consumers")
    days: Term = column(REQUIRED, "天数", "day", "days from sale to payment")
    share: Share = column("1", "份额", "fraction", "share of sales paid then", "all", "M010")
    bad: YesNo = column("no", "坏账", "", "written off then instead", "collected")
    fee: Share = column("0", "手续费率", "fraction", "fee on what is collected, the same in all legs", "none")
    advance: Share = column("0", "垫款率", "fraction", "borrowing base: advance, the same in all legs", "none")


class Facility(Row):
    table, zh, key = "facilities", "融资", ("facility",)
    about = "The revolver and the term loan. Several loans: their total and their average rate."
    facility: Literal["revolver", "term_loan"] = column(REQUIRED, "融资", "", "revolver or term_loan")
    limit: Amount = column("0", "额度", "currency", "commitment of the revolver", "none", "M008")
    rate: Rate = column(REQUIRED, "年利率", "fraction/year", "interest")
    fee: Rate = column("0", "承诺费率", "fraction/year", "on the undrawn commitment", "none")
    day_count: Literal["ACT/360", "ACT/365F", "30/360"] = column("ACT/360", "计息基准", "", "day count", "usual",
                                                                   "M007")  # fmt: skip
    pays: Literal["daily", "month_end", "quarter_end", "never"] = column("month_end", "付息", "", "when interest is paid",
                                                                         "the design's default")  # fmt: skip


class Covenant(Row):
    table, zh, key = "covenants", "财务契约", ("covenant",)
    about = "What the bank tests."
    covenant: Literal["minimum_liquidity", "minimum_net_worth"] = column(REQUIRED, "契约", "", "what is measured",
                                                                           code="M014")  # fmt: skip
    threshold: Money = column(REQUIRED, "门槛", "currency", "breach below it")
    test: Literal["daily", "month_end", "quarter_end"] = column("quarter_end", "测试日", "", "when it is tested", "usual")


class CalendarDay(Row):
    table, zh, key = "calendar", "日历", ("date", "category", "node")
    about = "Holidays and the calendar of demand: weekly and annual seasons, day by day."
    date: Day = column(REQUIRED, "日期", "date", "the day")
    category: Id | None = column(None, "品类", "", "only this category", "all")
    node: Id | None = column(None, "节点", "", "only this node", "all")
    demand_factor: Factor = column("1", "需求系数", "", "multiplies mean demand", "1")
    business_day: YesNo | None = column(None, "工作日", "", "banks are open", "Monday to Friday")
    label: Id | None = column(None, "说明", "", "name of the day")


class Promotion(Row):
    table, zh = "promotions", "促销"
    about = "Price and demand of promotions."
    promotion: Id = column(REQUIRED, "促销", "", "name")
    start: Day = column(REQUIRED, "开始", "date", "first day")
    end: Day = column(REQUIRED, "结束", "date", "last day")
    product: Id | None = column(None, "商品", "", "only this product", "all")
    category: Id | None = column(None, "品类", "", "only this category", "all")
    price_factor: Factor = column("1", "价格系数", "", "multiplies the price", "1")
    demand_factor: Factor = column("1", "需求系数", "", "multiplies mean demand", "1")


class PolicyRow(Row):
    table, zh, key = "policies", "补货策略", ("node", "product")
    about = "How much to order. An empty node or product means all; the row that says more wins."
    node: Id | None = column(None, "节点", "", "own node", "all")
    product: Id | None = column(None, "商品", "", "product", "all")
    service_level: Share = column("0.95", "服务水平", "fraction", "no stock-out in a cycle; sets the levels not given",
                                  "usual", "N024")  # fmt: skip
    review_days: Count = column(1, "盘点周期", "day", "days between reviews", "daily")
    review_offset: Days = column(0, "盘点起始", "day", "day of the first review", "first day")
    reorder_point: Signed | None = column(None, "再订货点", "unit", "order at or below it",
                                          "= order-up-to; with a lot: demand over the lead time and safety stock")  # fmt: skip
    order_up_to: Positive | None = column(None, "补货目标", "unit", "position that an order restores",
                                          "mean over lead time and review, and safety stock", "N024")  # fmt: skip
    lot: Units = column(0, "批量", "unit", "order in multiples of it", "none")


class Factors(Row):
    table, zh, key = "factors", "共同需求因子", ("factor",)
    about = "Shared demand factors: without them totals hardly vary and every probability is 0 or 1."
    factor: Literal["company_year", "company_week", "category_week", "store_day"] = column(REQUIRED, "因子", "", "which")
    deviation: Positive = column(REQUIRED, "标准差", "", "standard deviation of the logarithm of the factor",
                                 code="S007")  # fmt: skip


class Shock(Row):
    table, zh, key = "shocks", "冲击", ("scenario", "shock")
    about = "Scenarios: rows with the same scenario happen together."
    scenario: Id = column(REQUIRED, "情景", "", "name of the scenario")
    shock: Id = column(REQUIRED, "冲击", "", "id of the shock")
    field: Literal["demand", "lead_time", "lane_capacity", "dispatch_capacity", "price", "cost", "commitment",
                   "supplier_limit", "collections", "rate", "stock_loss", "terms"] = column(
        REQUIRED, "对象", "", "what it hits", code="S001")  # fmt: skip
    start: Days = column(REQUIRED, "开始日", "day", "first day, counted from the start date as 0", code="S003")
    days: Count = column(REQUIRED, "天数", "day", "how long; regime: how long it rises", code="S003")
    shape: Literal["step", "ramp", "recovery", "pulse", "regime"] = column(
        "step", "形状", "", "full at once; rising; falling back to 0; full, then falling back; rising, then staying",
        "step")  # fmt: skip
    factor: Factor | None = column(None, "系数", "", "multiplies the field at full strength", code="S005")
    add: Signed | None = column(None, "增量", "", "added: rate (fraction a year), stock_loss (fraction of stock)")
    net_days: Term | None = column(None, "新账期", "day", "terms: net days of bills while it lasts")
    severity: Id = column("1", "强度", "", "a number, or uniform(a, b), triangular(a, c, b)", "1")
    probability: Share = column("1", "概率", "", "probability that it happens", "certain", "S005")
    group: Id | None = column(None, "共因组", "", "shocks of a group depend on one another through one common cause",
                              "independent of the others")  # fmt: skip
    correlation: Correlation = column("1", "相关系数", "", "with the common cause of its group, Gaussian copula",
                                      "they happen together, equally severe", "S008")  # fmt: skip
    supplier: Ids | None = column(None, "供应商", "", "only this supplier (several: a|b)", "all")
    node: Ids | None = column(None, "节点", "", "only this node", "all")
    product: Ids | None = column(None, "商品", "", "only this product", "all")
    category: Ids | None = column(None, "品类", "", "only this category", "all")
    channel: Ids | None = column(None, "渠道", "", "only this channel", "all")
    facility: Ids | None = column(None, "融资", "", "revolver or term_loan", "both")


class Planned(Row):
    table, zh = "planned", "计划收支"
    about = "Planned cash items."
    date: Day = column(REQUIRED, "日期", "date", "due date")
    amount: Amount = column(REQUIRED, "金额", "currency", "amount, positive")
    label: Literal["payroll", "rent", "other", "tax", "capex", "dividend", "maturity", "equity"] = column(
        REQUIRED, "类别", "", "what it is; equity is paid in, all others are paid out")
    note: Id | None = column(None, "备注", "", "free text")


class Statement(Row):
    table, zh, key = "statements", "月度报表", ("month",)
    about = "The last twelve months, to reconcile the base case with."
    month: Day = column(REQUIRED, "月份", "date", "first day of the month")
    revenue: Money = column(REQUIRED, "营业收入", "currency", "net of VAT")
    cost_of_sales: Money = column(REQUIRED, "营业成本", "currency", "cost of goods sold")
    expenses: Money = column(REQUIRED, "费用", "currency", "operating expenses, without interest and tax")
    cash: Money = column(REQUIRED, "现金", "currency", "month end")
    stock: Money = column(REQUIRED, "存货", "currency", "month end, at cost")
    payables: Money = column(REQUIRED, "应付账款", "currency", "month end, trade")
    receivables: Money = column(REQUIRED, "应收账款", "currency", "month end")


TABLES: tuple[type[Row], ...] = (
    Node, Product, Demand, Supplier, Opening, Setting, Lane, LeadTime, Sourcing, Stock, OpenOrder, OpenItem, Receivable,
    Facility, Covenant, CalendarDay, Promotion, PolicyRow, Factors, Shock, Planned, Statement,
)  # fmt: skip

"""A small valid company as CSV texts: every table has rows, and reading it gives neither fault nor warning.

The bad-input cases change one thing of it each; the tests of reading and writing use it as it is.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

TABLES: dict[str, str] = {
    "nodes.csv": """node,kind,channel,capacity
V1,supplier,,
V2,supplier,,
DC1,dc,,500
S1,store,card,
S2,store,web,
""",
    "products.csv": """product,category,supplier,price,cost,vat,pack
A,dry,V1,10,6,0.13,1
B,fresh,V2,20.5,12.25,0.09,6
""",
    "demand.csv": """node,product,mean,size
S1,A,5,
S1,B,2.5,4
S2,A,3,
S2,B,1,4
""",
    "suppliers.csv": """supplier,net_days,credit_limit,penalty_rate
V1,60,5000,0.1
V2,30,,
""",
    "opening.csv": """account,amount
1000,3000
1100,200
1200,1320
1210,360
1220,144
1300,30
1500,2000
2000,800
2010,100
2100,50
2200,60
2210,25
2300,5
2400,1000
2500,1500
3000,3514
""",
    "company.csv": """setting,value
name,Example
currency,CNY
start,2026-01-05
days,364
minimum_cash,100
""",
    "lanes.csv": """\
source,destination,lead_time,lead_time_deviation,lead_time_law,lead_time_max,capacity,incoterm
V1,DC1,7,2,gamma,30,,DDP
V2,DC1,10,,empirical,40,,FOB
DC1,S1,1,,fixed,,200,
DC1,S2,1,,fixed,,200,
""",
    "lead_times.csv": """source,destination,days,count
V2,DC1,9,3
V2,DC1,12,
""",
    "sourcing.csv": """node,product,source,share,cost,minimum_order
DC1,B,V2,1,12,12
""",
    "stock.csv": """node,product,units,value
DC1,A,100,600
DC1,B,60,720
S1,A,20,120
S1,B,10,120
S2,A,10,60
S2,B,5,60
""",
    "orders.csv": """source,node,product,units,arrives,value,deposit
V2,DC1,B,12,2026-01-10,144,
V1,DC1,A,50,,,30
""",
    "open_items.csv": """kind,party,due,amount
payable,V1,2026-01-20,500
payable,V2,2026-02-01,300
overdue,V1,,100
receivable,card,2026-01-06,200
accrued,,2026-01-31,50
vat,,2026-01-15,40
tax,,2026-01-15,25
interest,revolver,,5
""",
    "receivables.csv": """channel,kind,days,share,bad,fee,advance
card,card,2,1,,0.006,
web,b2b,30,0.9,,,0.8
web,b2b,60,0.08,,,0.8
web,b2b,90,0.02,yes,,0.8
""",
    "facilities.csv": """facility,limit,rate,fee,day_count
revolver,5000,0.05,0.005,ACT/360
term_loan,,0.06,,ACT/360
""",
    "covenants.csv": """covenant,threshold,test
minimum_liquidity,100,month_end
""",
    "calendar.csv": """date,category,demand_factor,business_day,label
2026-02-17,,2,no,Spring Festival
2026-02-18,fresh,1.5,,
""",
    "promotions.csv": """promotion,start,end,product,price_factor,demand_factor
March,2026-03-01,2026-03-07,A,0.9,1.5
""",
    "policies.csv": """node,product,service_level,review_days,reorder_point,order_up_to
,,0.95,1,,
DC1,A,,7,50,120
""",
    "factors.csv": """factor,deviation
company_year,0.05
""",
    "shocks.csv": """scenario,shock,field,start,days,factor,add,net_days,severity,supplier,product
supplier-out,x1,lane_capacity,30,42,0,,,,V1,
demand-slump,x1,demand,60,90,0.7,,,"uniform(0.5, 1)",,A|B
rate-up,x1,rate,0,364,,0.03,,,,
terms-cut,x1,terms,30,90,,,30,,V1,
""",
    "planned.csv": """date,amount,label,note
2026-01-25,800,payroll,January
""",
    "statements.csv": """month,revenue,cost_of_sales,expenses,cash,stock,payables,receivables
2025-12-01,9000,5600,2100,3000,1680,900,200
""",
}


def _sales() -> str:
    """Two years and a day of one product in one store, up to the day before the start."""
    days = [date(2024, 1, 5) + timedelta(day) for day in range(731)]
    rows = [f"{day},S1,A,{3 + day.day % 5},10,no,9" for day in days]
    return "\n".join(["date,node,product,units,price,promotion,on_hand_close", *rows]) + "\n"


HISTORY: dict[str, str] = {
    "history/sales.csv": _sales(),
    "history/receipts.csv": """order_id,source,node,product,ordered,received,ordered_units,received_units
PO1,V1,DC1,A,2025-11-03,2025-11-10,40,40
PO2,V2,DC1,B,2025-12-29,,12,
""",
}


def left(days: str) -> str:
    """The open orders with a column of dispatch days. days: arrival and dispatch of the one that is on its way."""
    return f"source,node,product,units,arrives,dispatched,value,deposit\nV2,DC1,B,12,{days},144,\nV1,DC1,A,50,,,,30\n"


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """The files of a company in a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder

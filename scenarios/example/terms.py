"""The example's money terms: what running the shops costs, when it is paid, and how the company is financed.

Everything scales with sales, so that three stores are as healthy and as tight as twenty-four. All judgement, within
the ranges of a grocer. Cash is tuned: with LINE_DAYS and LOWEST_DAYS as they are, the library's compound scenario
and halved supplier terms each end about half of the futures of any seed, and the base case none.
"""

# Shares of the year's gross profit: what a grocer can afford, whatever its lines earn
PAYROLL = 0.395
RENT = 0.20
OTHER = 0.105  # energy, marketing, head office
CAPEX = 0.03
BONUS_MONTHS = 0.5  # paid in February, before the Spring Festival, in monthly payrolls
PAYOUT = 0.3  # of the last year's profit, paid in June
PAYROLL_DAY, RENT_DAY, OTHER_DAY, CAPEX_DAY = 10, 5, 20, 25
DIVIDEND = (6, 26)  # month and day
MATURITY = (9, 15)
REPAID = 0.25  # share of the term loan that falls due in the year

# Channels
CARD_FEE = "0.0038"
CARD_LEGS = ((1, "0.7"), (2, "0.3"))  # wallets the next day, cards the day after
BUSINESS_LEGS = ((30, "0.6", False), (45, "0.394", False), (90, "0.006", True))
BUSINESS = "b2b"
CARD = "card"

# Logistics
ACCRUAL_DAYS = 30
SEA_FREIGHT = "0.9"  # CNY a unit
DEPOSIT = "0.2"  # of an import order
ORDER_COST, INTERNAL_ORDER_COST = "40", "0.5"  # CNY an order line
INTERNAL_FREIGHT = ("0.11", "0.14")  # CNY a unit: nearby, two days away
STORAGE = 0.0006  # of a unit's cost, a day in a dc
PENALTY = "0.1825"  # 0.05 % a day, usual in contracts

# Taxes
TAX_RATE = 0.25
TAX_LAG = 15

# Bank
REVOLVER_RATE, TERM_RATE, COMMITMENT_FEE = "0.042", "0.046", "0.003"
INTEREST_BASIS = 360

# Balance sheet, in days of net sales. A chain that lives on its suppliers' credit (payables twice its stock) needs
# cash against the day when sales, and with them new payables, fall.
LINE_DAYS = 8.0
LOWEST_DAYS = 20.4  # the budget never has less than so many days of sales in cash and undrawn line
MINIMUM_CASH_DAYS = 1.5
TERM_LOAN_DAYS = 14.0
PROPERTY_DAYS = 40.0
SHARE_CAPITAL_DAYS = 8.0
LIQUIDITY_COVENANT_DAYS = 2.0
NET_WORTH_COVENANT = 0.85  # of opening equity
GATE_DAYS = 56  # the treasurer looks eight weeks ahead
GATE_BETA = "0.9"

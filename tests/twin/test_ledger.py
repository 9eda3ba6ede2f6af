"""The posting engine: the golden journal bit for bit, a balanced table, no quiet loss of precision."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from twin.ledger import ACCOUNT, ACCOUNTS, CODES, POSTINGS, PROFIT_AND_LOSS, ROW, post, posting_table

GOLDEN = json.loads((Path(__file__).parent.parent / "reference" / "golden_ledger.json").read_text())
NAMES = {
    "CASH": 1000, "EQUITY_CAP": 3000, "TERM_DEBT": 2500, "SUPP_DEP": 1300, "INV_GIT": 1220, "VATIN": 1400,
    "AP_TRADE": 2000, "ACCRUED": 2100, "INV_OH": 1200, "AR_CARD": 1100, "REVENUE": 4000, "VAT_OUT": 2200, "COGS": 5000,
    "CARD_FEE": 6010, "RETURNS": 4020, "AR_B2B": 1110, "SHRINK": 5020, "STORAGE": 5040, "OPEX": 6000, "AP_FIN": 2050,
    "REVOLVER": 2400, "INT_EXP": 7000, "ACCRUED_INT": 2300, "WRITEDOWN": 5010, "INV_ALLOW": 1290, "BAD_DEBT": 6020,
    "ALLOW_DD": 1119, "PENALTY": 5060, "ORDER_COST": 5050, "AP_OVERDUE": 2010, "FIN_FEE": 7020, "REBATE_RCV": 1150,
    "TAX_EXP": 8000, "TAX_PAY": 2210, "RETAINED": 3100,
}  # fmt: skip
# Each journal entry as rows of the posting table, amounts in cents. The golden journal knows one inventory and one
# goods-in-transit account and books refunds, deposits and taxes straight against cash: two rows here, same balances.
ENTRIES: dict[str, dict[str, int]] = {
    "E01": {"equity paid in": 5000000, "term loan drawn": 3000000},
    "E02": {"deposit": 200000, "trade payables paid": 200000},
    "E03": {"titled goods": 800000, "titled goods from deposit": 200000, "input VAT": 130000},
    "E04": {"inbound freight": 40000},
    "E05": {"titled goods arrive at a dc": 1040000},
    "E06": {"delivered goods at a dc": 550000, "input VAT": 71500},
    "E07": {"transfer out of a dc": 636000},
    "E08": {"transfer into a store": 636000},
    "E09": {"consumer sale": 600000, "consumer sale VAT": 78000},
    "E10": {"cost of sales, store": 318000},
    "E11": {"card settlement": 673932, "card fee": 4068},
    "E12": {"refund": 20000, "refund VAT": 2600, "refund paid": 22600},
    "E12b": {"returned goods, store": 10600},
    "E13": {"business sale": 680000, "business sale VAT": 88400},
    "E14": {"cost of sales, dc": 424000},
    "E15": {"trade payables paid": 609070, "early discount on stock, dc": 11000, "early discount VAT": 1430},
    "E16": {"shrink, dc": 6279},
    "E17": {"storage": 15000},
    "E18": {"operating expense": 180000, "accruals paid": 180000},
    "E19": {"assignment to a bank": 930000},
    "E20": {"revolver drawn": 500000},
    "E21": {"interest": 15625},
    "E22": {"write-down": 13201},
    "E23": {"interest paid": 15625},
    "E24": {"VAT offset": 163800},
    "E25": {"write-down reversed or released": 8040},
    "E26": {"expected credit loss": 7684},
    "E27": {"business collection": 750000},
    "E28": {"write-off against allowance": 7684, "write-off of business receivables": 10716},
    "E29": {"service penalty": 9000},
    "E30": {"financed payables repaid": 930000},
    "E31": {"revolver repaid": 500000},
    "E31b": {"interest": 4250, "interest paid": 4250},
    "E36": {"delivered goods at a store": 100000, "input VAT": 13000},
    "E37": {"order cost": 2500},
    "E38": {"trade payables paid": 60000},
    "E39": {"trade payables stretched": 53000},
    "E40": {"late-payment penalty": 530},
    "E41": {"overdue paid": 53530},
    "E42": {"titled goods": 50000, "input VAT": 6500},
    "E43": {"loss in transit": 50000},
    "E44": {"consumer sale": 30000, "consumer sale VAT": 3900},
    "E45": {"consignment cost": 20000, "input VAT": 2600},
    "E46": {"card settlement": 33697, "card fee": 203},
    "E47": {"consumer sale": 90000, "consumer sale VAT": 11700, "card settlement": 101700},
    "E48": {"cost of sales, dc": 104128, "write-down released by sales": 571},
    "E49": {"buyback claim on stock, dc": 41651, "buyback below cost": 9651},
    "E50": {"buyback settled": 32000},
    "E51": {"trade payables paid": 79100},
    "E52": {"commitment fee": 625},
    "E32": {"accruals paid": 64000},
    "E33": {"interest": 30000, "interest paid": 30000},
    "E34": {"income tax": 43438},
    "E34b": {"income tax paid": 43438},
    "E35": {
        "close 4000": 1400000, "close 4020": -20000, "close 5000": -864608, "close 5010": -5161, "close 5020": -56279,
        "close 5040": -15000, "close 6000": -180000, "close 6010": -4271, "close 6020": -18400, "close 7000": -49875,
        "close 7020": -1155, "close 5060": -9000, "close 5050": -2500, "close 8000": -43438,
    },
}  # fmt: skip
MERGED = {1210: 1200, 1230: 1220, 4010: 4000}


def merged(balances: np.ndarray) -> dict[int, int]:
    """Balances by account, with our finer accounts folded into the golden journal's."""
    found: dict[int, int] = {}
    for code, i in ACCOUNT.items():
        home = MERGED.get(code, code)
        found[home] = found.get(home, 0) + int(balances[i])
    return found


def test_golden_journal() -> None:
    """55 entries through `post`, every balance after each, bit for bit."""
    balances, table = jnp.zeros(len(CODES), jnp.float64), jnp.asarray(posting_table())
    expected: dict[int, int] = {}
    assert len(GOLDEN["journal"]) == 55
    for entry in GOLDEN["journal"]:
        amounts = np.zeros(len(POSTINGS))
        for name, amount in ENTRIES[entry["id"]].items():
            amounts[ROW[name]] = amount
        balances = post(balances, jnp.asarray(amounts), table)
        for name, amount in entry["legs"]:
            expected[NAMES[name]] = expected.get(NAMES[name], 0) + amount
        ours = merged(np.asarray(balances))
        assert {code: x for code, x in ours.items() if x} == {code: x for code, x in expected.items() if x}, entry["id"]
        assert sum(ours.values()) == 0
    end = {NAMES[name]: x for name, x in GOLDEN["summary"]["balances"].items()}
    assert {code: x for code, x in merged(np.asarray(balances)).items() if x} == end


@pytest.mark.parametrize("row", range(len(POSTINGS)), ids=[entry.name for entry in POSTINGS])
def test_every_row_has_one_debit_and_one_credit(row: int) -> None:
    weights = posting_table()[row]
    assert sorted(weights[weights != 0]) == [-1.0, 1.0]
    assert {POSTINGS[row].debit, POSTINGS[row].credit} <= set(ACCOUNTS)


def test_all_rules_of_the_specification_have_rows() -> None:
    assert {entry.rule for entry in POSTINGS} >= {f"P{i}" for i in range(1, 33)}
    assert len(ROW) == len(POSTINGS), "names of rows are unique"
    assert {entry.debit for entry in POSTINGS if entry.rule == "P32"} == set(PROFIT_AND_LOSS)


def test_money_in_single_precision_is_refused() -> None:
    """A float32 balance of 5 million does not move when it receives 7 cents; so it is an error, with the remedy."""
    with jax.enable_x64(False), pytest.raises(TypeError, match=r"R003.*enable_x64"):
        post(jnp.zeros(len(CODES)), jnp.zeros(len(POSTINGS)), jnp.asarray(posting_table(), jnp.float32))

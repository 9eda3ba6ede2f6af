"""The company: network, goods, ledger, policies, one day, many days, measures."""

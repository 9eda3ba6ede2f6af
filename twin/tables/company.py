"""A company: the validated rows of all its tables, and the settings."""

from dataclasses import dataclass, field
from typing import Any

from twin.tables import rows
from twin.tables.rows import Settings
from twin.tables.values import text


@dataclass(frozen=True)
class Company:
    """Rows of every table in the user's order. Built by `twin.tables.read`, or in Python from row objects."""

    nodes: tuple[rows.Node, ...]
    products: tuple[rows.Product, ...]
    demand: tuple[rows.Demand, ...]
    suppliers: tuple[rows.Supplier, ...]
    opening: tuple[rows.Opening, ...]
    settings: Settings = field(default_factory=Settings)
    lanes: tuple[rows.Lane, ...] = ()
    lead_times: tuple[rows.LeadTime, ...] = ()
    sourcing: tuple[rows.Sourcing, ...] = ()
    stock: tuple[rows.Stock, ...] = ()
    orders: tuple[rows.OpenOrder, ...] = ()
    open_items: tuple[rows.OpenItem, ...] = ()
    receivables: tuple[rows.Receivable, ...] = ()
    facilities: tuple[rows.Facility, ...] = ()
    covenants: tuple[rows.Covenant, ...] = ()
    calendar: tuple[rows.CalendarDay, ...] = ()
    promotions: tuple[rows.Promotion, ...] = ()
    policies: tuple[rows.PolicyRow, ...] = ()
    factors: tuple[rows.Factors, ...] = ()
    shocks: tuple[rows.Shock, ...] = ()
    planned: tuple[rows.Planned, ...] = ()
    statements: tuple[rows.Statement, ...] = ()

    def table(self, name: str) -> tuple[Any, ...]:
        """The rows of a table by its name; the company table as setting and value of what was given."""
        if name != "company":
            return getattr(self, name)
        given = self.settings.model_dump(exclude_unset=True)
        return tuple(rows.Setting(setting=key, value=text(value) or "none") for key, value in given.items())

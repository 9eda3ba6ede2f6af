"""The history of a company as it was known on a day: read, checked, and decided cell by cell, once."""

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from calibration.history.cells import NAMES, classify
from calibration.history.checks import row_faults, without_duplicates
from calibration.history.contract import TABLES, PurchaseOrder
from calibration.history.counters import Counter, count_rules
from calibration.history.grid import Grid, lay_out
from calibration.history.known import known
from calibration.history.scorecard import Score, scorecard
from calibration.history.spikes import find_spikes
from calibration.panel import Panel
from twin.tables.declared import Declarations
from twin.tables.faults import Fault, Faults
from twin.tables.history import FOLDER, Receipt, read_table
from twin.tables.history_checks import Recorded
from twin.tables.read import declared_in


@dataclass(frozen=True)
class History:
    """`frames` by table, as known at the opening of `as_of`; `panel` is what a demand model reads."""

    frames: dict[str, pd.DataFrame]
    as_of: date
    panel: Panel
    spikes: pd.DataFrame  # with label and evidence; those labelled error are quarantined in the panel
    counters: list[Counter]
    scores: list[Score]
    digest: str  # SHA-256 of the files read

    @property
    def failures(self) -> list[str]:
        """What forbids a calibration: rules beyond their threshold, in words."""
        return [
            f"{c.rule}: {c.found:,} of {c.of:,} ({c.share:.2%}), allowed {c.limit:.2%}; {c.does}"
            for c in self.counters
            if c.failed
        ]


def load(path: str | Path, as_of: date | None = None) -> History:
    """The history in `path`/history (or in `path` itself) as known at the opening of `as_of`.

    By default the day after the last sale. Raises Faults with everything that is wrong in any table: file, row, column
    and remedy. Bad data that rules can decide are no faults: see `counters` and `failures`.
    """
    folder = Path(path) / FOLDER if (Path(path) / FOLDER).is_dir() else Path(path)
    declarations, faults = declared_in(Path(path), folder)
    frames: dict[str, pd.DataFrame] = {}
    keys: dict[str, tuple[str, ...]] = {}
    repeats = 0
    for model in TABLES:
        try:
            recorded = _read(folder, model, declarations)
        except Faults as error:
            faults = [*faults, *error.faults]
            continue
        if recorded is not None:
            recorded, again, clashes = without_duplicates(model.table, model.key, recorded)
            repeats += again
            faults = [*faults, *clashes, *row_faults(model.table, recorded)]
            frames[model.table], keys[model.table] = recorded.frame, model.key
    if "sales" not in frames and not faults:
        faults = [Fault("N001", str(folder), "has no table sales; see tandem check for what its files may be")]
    if any(fault.severity == "E" for fault in faults):
        raise Faults(faults)
    if as_of is None:
        as_of = (frames["sales"]["date"].max() + timedelta(days=1)).date()
    frames = {table: known(table, frame, keys[table], as_of) for table, frame in frames.items()}
    if frames["sales"].empty:
        raise Faults([Fault("H006", str(folder), f"no sales were known on {as_of}; choose a later day")])
    return _decided(frames, as_of, repeats, _digest(folder))


def _read(folder: Path, model: type, declarations: Declarations) -> Recorded | None:
    """The table; order lines may also stand in the file `receipts`, which the simulator's own checks read."""
    names = (PurchaseOrder, Receipt) if model is PurchaseOrder else (model,)
    found = [recorded for name in names if (recorded := read_table(folder, name, declarations)) is not None]
    if len(found) > 1:
        both = " and ".join(recorded.sheet.file for recorded in found)
        raise Faults([Fault("N010", found[1].sheet.file, f"order lines are given twice: {both}; keep one")])
    return found[0] if found else None


def _decided(frames: dict[str, pd.DataFrame], as_of: date, repeats: int, digest: str) -> History:
    grid = lay_out(frames, as_of)
    spikes = find_spikes(grid)
    errors = spikes[spikes["label"] == "error"]
    quarantined = np.zeros(grid.seen.units.shape, bool)
    quarantined[errors["store"], errors["item"], errors["day"]] = True
    cells = classify(grid.seen._replace(quarantined=quarantined))
    panel = _panel(grid, frames, cells._asdict())
    counters = count_rules(grid, cells.rule, spikes, frames, repeats)
    return History(frames, as_of, panel, spikes, counters, scorecard(counters, frames, pd.Timestamp(as_of)), digest)


def _panel(grid: Grid, frames: dict[str, pd.DataFrame], cells: dict[str, np.ndarray]) -> Panel:
    middle = _median(np.where(grid.promotion, np.nan, grid.price))
    middle = np.where(np.isnan(middle), _median(grid.price), middle)
    parents = frames.get("hierarchy")
    of = {} if parents is None else dict(zip(parents["member"].astype(str), parents["parent"].astype(str), strict=True))
    groups = [of.get(item, "all") for item in grid.items]
    categories = sorted(set(groups))
    return Panel(
        stores=grid.stores, items=grid.items, categories=categories, days=grid.days, rules=NAMES,
        category=np.array([categories.index(group) for group in groups]), **cells,
        price=grid.price,
        # a price that nobody knows counts as the reference price
        log_price=np.nan_to_num(np.log(np.maximum(grid.price, 1e-4) / np.maximum(middle, 1e-4)[:, None])),
        promotion=grid.promotion.astype(float), holiday=grid.holiday, holidays=grid.holidays,
        open=grid.seen.open[:, 0, :],
    )  # fmt: skip


def _median(price: np.ndarray) -> np.ndarray:
    """(item,) over stores and days, NaN where there is none."""
    return pd.DataFrame(np.moveaxis(price, 1, 0).reshape(price.shape[1], -1)).median(axis=1).to_numpy()


def _digest(folder: Path) -> str:
    """One number for what was read: names and contents, in the order of names."""
    total = hashlib.sha256()
    for file in sorted(entry for entry in folder.iterdir() if entry.is_file()):
        total.update(file.name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()

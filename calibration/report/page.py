"""The page of a calibration: whether it may be used, what it says, and how that stands beside the history."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from calibration import sheet
from calibration.backtest.scores import band
from calibration.inference.gates import Gate
from calibration.panel import RIGHT_CENSORED
from calibration.report.history import LEVELS, Segment, Weeks, by_segment, informed, pits, weeks
from calibration.report.priors import BAND, Lane, Middle, Parameter, lanes, parameters
from calibration.sheet import BLUE, GREY, INK, ORANGE

BINS = 10
PANELS, LANES, RECORDS = 9, 30, 10  # at most


def page(path: Path, tree: xr.DataTree, gates: dict[str, list[Gate]], use: str, seed: int = 0) -> None:
    """Write the page beside `path` and rename it into place.

    tree: of a fit with the groups of `calibration.demand.predictive`, the draws for the twin as `parameters` and, where
    lead times were fitted, theirs as `lead_times`. gates: by what was fitted, failed ones included. use: a sentence on
    what is done with the fit.
    """
    pit = pits(tree, np.random.default_rng([seed, 3]))
    segments, sold = by_segment(tree, pit), weeks(tree)
    known, times = parameters(tree["posterior"].to_dataset()), lanes(tree)
    parts = [
        ("May it be used?", "", _verdict(tree, gates, use)),
        ("Sales by week (units)", _of_weeks(sold), _bands(sold)),
        ("Whether its odds are right (share of cells)", _of_pits(tree), pit_bars(pit[~np.isnan(pit)])),
        ("Where to trust its ranges (share of cells inside)",
         "Of all days of a store's item (a cell), how many had a demand inside the range that the fit gives 50, 80 and "
         "95 of 100. Grey is what chance alone allows at this number of cells, 999 times in 1,000, if they were "
         "independent; a red dot is outside. Kinds go by what the fit expects, so that a right fit looks right.",
         coverage_bars(segments) + coverage_table(segments)),
        ("What the history taught (means of all items)",
         "Grey is what was believed before any sale was seen, blue what is believed now; dot and line are the mean and "
         "the 80 % interval. Blue as wide as grey: the history said nothing about it.",
         _priors(known) + _of_parameters(known)),
        ("Lead times by lane (days)", _of_lanes(times), _lanes(times) if times else ""),
        ("All gates", "A fit that fails one is not used; where no more than its prior decides, a "
         "person may say why it may (--approve NAME --because WHY). What to do stands beside each.", gate_table(gates)),
        ("Records that decide most", "Days whose record, left out, would move the fit most. Below 0.7 a record is one "
         "among many; above it, look whether it is right.", _records(tree)),
    ]  # fmt: skip
    title = f"Calibration: {tree.attrs.get('company', path.parent.name)}"
    sheet.write(path, title, "".join(sheet.section(*part) for part in parts))


def _verdict(tree: xr.DataTree, gates: dict[str, list[Gate]], use: str) -> str:
    failed = [f"{what}: {gate.name} ({gate.remedy})" for what, of in gates.items() for gate in of if not gate.passed]
    said = [use] + (["Failed: " + "; ".join(failed) + "."] if failed else ["It passed every gate."])
    sizes, seen = tree["posterior"].dataset.sizes, tree["observed_data"].dataset.sizes
    said.append(
        f"It knows what was known on the morning of {tree.attrs.get('as_of', 'a day not recorded')}; engine "
        f"{tree.attrs.get('engine', 'not recorded')}, {sizes['chain'] * sizes['draw']:,} posterior draws. Below it "
        f"stands beside the last {seen['day']} days of {seen['store']} stores and {seen['item']} items. Those days "
        "were in the fit: how well it foretells days to come is for the back-test to say."
    )
    return "".join(sheet.paragraph(text) for text in said)


def _records(tree: xr.DataTree) -> str:
    if "influence" not in tree:
        return sheet.paragraph("Not kept with this fit.")
    kept = tree["influence"].dataset
    columns = (kept[name].values[:RECORDS] for name in ("store", "item", "day", "khat"))
    rows = [[store, item, day, f"{khat:.2f}"] for store, item, day, khat in zip(*columns, strict=True)]
    return sheet.table(["store", "item", "day", "k-hat"], rows, words=(0, 1, 2))


def _of_weeks(found: Weeks) -> str:
    low, high = np.quantile(found.said[:, 0], BAND, axis=0)
    inside = int(((low <= found.sold[0]) & (found.sold[0] <= high)).sum())
    said = (
        f"The band is where 80 of 100 draws of the fit lie, the line their middle, the dots what was sold; "
        f"{inside} of {len(found.begin)} weeks of the company lie inside. Sales, not demand: what the fit draws is cut "
        "at the stock that was there."
    )
    if found.left_out > 0:
        said += f" {found.left_out:.1%} of the records had stock for part of the day and are left out on both sides."
    if found.uncut > 0:
        said += f" {found.uncut:.1%} of the records do not say what stock there was; there nothing is cut."
    if len(found.groups) > PANELS:
        said += f" Of {len(found.groups) - 1} categories the {PANELS - 1} that sell most."
    return said


def _bands(found: Weeks) -> str:
    """Company and categories, each on its own scale."""
    groups = found.groups[:PANELS]
    figure, axes = sheet.axes(len(groups))
    at = np.arange(len(found.begin))
    for n, (axis, name) in enumerate(zip(axes, groups, strict=True)):
        sheet.fan(axis, at, found.said[:, n], found.sold[n])
        axis.set_title(f"{name}, units a week", fontsize=9)
        axis.set_ylim(bottom=0)
        few = at[:: max(1, len(at) // 3)]
        axis.set_xticks(few, [str(found.begin[week]) for week in few])
        axis.tick_params(labelsize=7)
    return sheet.svg(figure)


def _of_pits(tree: xr.DataTree) -> str:
    known = informed(tree)
    censored = known & (tree["observed_data"].dataset["kind"].values == RIGHT_CENSORED)
    return (
        "All bars inside the grey band: the odds are right. Piled in the middle: ranges are too wide; at both ends: "
        "too narrow; to the left: demand is put too high, to the right: too low. Randomised PIT of "
        f"{known.sum():,} cells, each a day of a store's item. A sold-out day ({censored.sum():,} of them) says only "
        "that demand was its sales or more: its PIT is drawn between F(bound - 1) and 1, that of a count y between "
        "F(y - 1) and F(y)."
    )


def pit_bars(values: np.ndarray) -> str:
    figure, (axis,) = sheet.axes(1, 2.6, 1)
    if len(values):
        axis.axhspan(*band(len(values), 1 / BINS), color=GREY, alpha=0.3, linewidth=0)
        axis.hist(values, bins=BINS, range=(0, 1), weights=np.full(len(values), 1 / len(values)), color=BLUE, alpha=0.6)
    axis.axhline(1 / BINS, color=INK, linewidth=1, linestyle="--")
    axis.set_xlabel("PIT", fontsize=8)
    axis.set_ylabel("share of cells", fontsize=8)
    return sheet.svg(figure)


def coverage_bars(segments: dict[str, Segment]) -> str:
    figure, axes = sheet.axes(len(LEVELS), 0.9 + 0.3 * len(segments))
    names = list(segments)[::-1]
    for k, (axis, level) in enumerate(zip(axes, LEVELS, strict=True)):
        for n, name in enumerate(names):
            sheet.covered(axis, n, segments[name].covers[k])
        axis.axvline(level, color=INK, linewidth=1, linestyle="--")
        axis.set_yticks(range(len(names)), names if k == 0 else [""] * len(names))
        axis.set_title(f"range of {level:.0%}", fontsize=9)
        axis.tick_params(labelsize=7)
    return sheet.svg(figure)


def coverage_table(segments: dict[str, Segment]) -> str:
    headings = ["days and items", "cells", "sold out", *(f"inside {level:.0%} (chance)" for level in LEVELS)]
    rows = [
        [name, f"{s.covers[0].n:,}", f"{s.censored:.1%}",
         *(f"{c.share:.1%} ({c.low:.0%} to {c.high:.0%})" for c in s.covers)]
        for name, s in segments.items()
    ]  # fmt: skip
    return sheet.table(headings, rows)


def _interval(axis: Axes, place: float, found: Middle, colour: str) -> None:
    axis.plot([found.low, found.high], [place, place], color=colour, linewidth=3, alpha=0.6)
    axis.plot(found.mean, place, "o", color=colour, markersize=5)


def _priors(found: Sequence[Parameter]) -> str:
    if not found:
        return ""
    figure, axes = sheet.axes(len(found), 1.3, 2)
    for axis, parameter in zip(axes, found, strict=True):
        _interval(axis, 0, parameter.prior, GREY)
        _interval(axis, 1, parameter.posterior, BLUE)
        axis.set_yticks([0, 1], ["before", "now"])
        axis.set_ylim(-0.5, 1.5)
        axis.set_title(parameter.name, fontsize=9)
        axis.tick_params(labelsize=7)
    return sheet.svg(figure)


def _said(found: Middle) -> str:
    return f"{found.mean:.3g} ({found.low:.3g} to {found.high:.3g})"


def _of_parameters(found: Sequence[Parameter]) -> str:
    return sheet.table(
        ["parameter", "what it is", "before: mean (80 %)", "now: mean (80 %)"],
        [[p.name, p.about, _said(p.prior), _said(p.posterior)] for p in found],
        words=(0, 1),
    )


def _of_lanes(found: Sequence[Lane]) -> str:
    if not found:
        return "Lead times were not fitted, or their fit failed a gate: those of the company's tables stay."
    said = (
        "Dot and line are mean and 80 % interval of what the orders say, in whole days from order to arrival; the "
        "orange mark is what the tables say. The 95th percentile is the day by which 95 of 100 shipments have come."
    )
    return said + (f" The {LANES} lanes of {len(found)} furthest from the tables." if len(found) > LANES else "")


def _lanes(found: Sequence[Lane]) -> str:
    shown = found[:LANES][::-1]
    figure, axes = sheet.axes(2, 0.9 + 0.3 * len(shown), 2)
    for n, lane in enumerate(shown):
        for axis, fitted, told in zip(axes, (lane.mean, lane.late), (lane.mean_of_tables, lane.late_of_tables),
                                      strict=True):  # fmt: skip
            _interval(axis, n, fitted, BLUE)
            axis.plot(told, n, "|", color=ORANGE, markersize=12, markeredgewidth=2)
    for axis, title in zip(axes, ("mean, days", "95th percentile, days"), strict=True):
        axis.set_title(title, fontsize=9)
        axis.set_yticks(range(len(shown)), [lane.name for lane in shown] if axis is axes[0] else [""] * len(shown))
        axis.set_xlim(left=0)
        axis.tick_params(labelsize=7)
    rows = [
        [lane.name, _said(lane.mean), f"{lane.mean_of_tables:.3g}", _said(lane.late), f"{lane.late_of_tables:.3g}"]
        for lane in found[:LANES]
    ]
    headings = ["lane", "mean days (80 %)", "tables' mean", "95th percentile, days (80 %)", "tables' 95th"]
    return sheet.svg(figure) + sheet.table(headings, rows)


def gate_table(gates: dict[str, list[Gate]]) -> str:
    rows = [
        [what, gate.name, f"{gate.figure:.4g}", f"{gate.limit:g}", "passed" if gate.passed else "FAILED", gate.remedy]
        for what, of in gates.items() for gate in of
    ]  # fmt: skip
    return sheet.table(["fit", "gate", "figure", "limit", "", "if it fails"], rows, words=(0, 1, 4, 5))

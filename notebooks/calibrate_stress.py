"""From history files to one plot: calibrate, stress on the posterior, look.

    python notebooks/calibrate_stress.py [COMPANY] [--out DIR] [--draws N] [--steps N]

COMPANY is a folder with tables and history/; without one the example company is written and used. The same four steps
on the command line: tandem new, tandem calibrate, tandem stress, tandem report.
"""

# %%
import argparse
import sys
import tempfile
from pathlib import Path

import matplotlib as mpl

mpl.use("agg")  # a legend beside facets asks for a renderer, which svg has not
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from calibration.history import load
from scenarios import example, posterior, store
from scenarios.calibrating import Engine, calibrate
from scenarios.run import stress
from twin.tables.read import read

SCENARIOS = ["supplier-out", "demand-slump"]
BAND = [0.1, 0.5, 0.9]
LEAST_DRAWS = 1000  # posterior draws: with half as many the gate of Monte Carlo error can fail


# %% History files: what they hold, and how good they are
def look(company: Path) -> None:
    history = load(company, read(company).company.settings.start)
    for score in history.scores:
        print(f"{score.quality:<14}{score.score:7.1%}  {score.says}")


# %% One plot: cash of all futures, with and without what nobody foresaw
def plot(run: Path, picture: Path) -> None:
    cash = store.joint(run).load()["cash"]
    band = cash.quantile(BAND, "draw", keep_attrs=True)
    grid = band.plot.line(x="day", hue="quantile", col="scenario")
    grid.fig.savefig(picture)


# %%
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("company", type=Path, nargs="?", metavar="COMPANY")
    parser.add_argument("--out", type=Path, help="a new folder for everything written (default: temporary)")
    parser.add_argument("--draws", type=int, default=128, help="futures of each scenario; half as many posterior draws")
    parser.add_argument("--steps", type=int, default=2000, help="steps of the variational start")
    options = parser.parse_args()
    out = options.out or Path(tempfile.mkdtemp(prefix="calibrate-stress-"))
    company = options.company or out / "company"
    if options.company is None:
        example.write(example.generate(2, 8, 500, 1), company)

    look(company)
    calibrate(company, None, Engine.laplace, max(options.draws // 2, LEAST_DRAWS), options.steps, 0)
    draws = posterior.Given(company / posterior.NAME)
    stress(read(company).company, SCENARIOS, out / "run", draws=options.draws, keep=("daily",), given=draws)
    plot(out / "run", out / "cash.svg")
    print(f"written: {out / 'cash.svg'}")


if __name__ == "__main__":
    main()

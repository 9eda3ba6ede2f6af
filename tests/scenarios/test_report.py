"""The report: its words, its sums, what it refuses, and that nothing in it can run.

Goal: every figure that should tie ties as printed, every text comes from the catalogue, every name is harmless.
Method: a synthetic run (no simulation), rendered once per language; the tests read the files as a reader would.
"""

import json
import math
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from openpyxl.workbook import Workbook

from scenarios import statistics, store
from scenarios.cli import DEMO_DRAWS
from scenarios.library import library
from scenarios.report import LANGUAGES, NoRun, NotTied, catalogue, write_report, write_tables
from scenarios.report import bridge as bridge_page
from scenarios.report.assumptions import assumptions_table, says_nothing
from scenarios.report.catalogue import load
from scenarios.report.fans import SERIES
from scenarios.report.findings import Findings, findings
from scenarios.report.glossary import MEASURES
from scenarios.report.page import render, status
from scenarios.report.reconcile import base_side, beyond, reconciled
from scenarios.report.verdict import TAIL, default_rule, tail, verdict_class
from scenarios.report.weeks import cash_weeks, cents
from scenarios.report.words import Words, words_of
from scenarios.report.workbook import all_tables, harmless
from scenarios.stress import LEVERS
from tests.scenarios.synthetic_run import DAYS, DRAWS, FORMULA, NODES, SCRIPT, company, statements, write_run
from twin.record import CASH_LINES
from twin.tables import rows
from twin.tables.headings import extra

NAMES = ["supplier-out", "demand-slump", "compound"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("report") / "run", NAMES)


@pytest.fixture(scope="module")
def found(run: Path) -> Findings:
    return findings(run)


@pytest.fixture(scope="module")
def pages(run: Path) -> dict[str, Path]:
    return {lang: write_report(run, lang=lang) for lang in LANGUAGES}


@pytest.fixture(scope="module")
def books(run: Path) -> dict[str, Workbook]:
    return {lang: openpyxl.load_workbook(write_tables(run, lang=lang)) for lang in LANGUAGES}


class Page(HTMLParser):
    """Tags with their attributes, the text of cells by table id, and all visible text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.text: list[str] = []
        self.table, self.hidden, self.small = "", 0, False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.hidden += tag == "style"
        self.small = tag in ("small", "span") or (self.small and tag == "i")
        if tag == "table":
            self.table = str(dict(attrs)["id"])
            self.tables[self.table] = []
        elif tag == "tr" and self.table:
            self.tables[self.table].append([])
        elif tag in ("td", "th") and self.table:
            self.tables[self.table][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag == "style"
        self.small = False if tag in ("small", "span") else self.small
        self.table = "" if tag == "table" else self.table

    def handle_data(self, data: str) -> None:
        if self.hidden:
            return
        self.text.append(data)
        if self.table and not self.small and self.tables[self.table] and self.tables[self.table][-1]:
            self.tables[self.table][-1][-1] += data.strip()


def number(text: str) -> float:
    return 0.0 if text == "–" else float(text.replace(",", "").replace("−", "-"))


# The catalogue


def test_languages_have_the_same_keys_and_places() -> None:
    english = load("en")
    for lang in LANGUAGES:
        texts = load(lang)
        assert set(texts) == set(english)
        for key, text in texts.items():
            assert text.strip(), f"{lang} {key} is empty"
            if key in ("format.date", "format.short_date"):  # a language names the month or counts it
                assert places(text) <= {"year", "month", "number", "day"}
            else:
                assert places(text) == places(english[key]), f"{lang} {key}"


def places(text: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", text))


def test_chinese_is_chinese() -> None:
    same = ("format.", "source.1", "month.", "unit.share", "measure.", "severities.", "reconcile.within", "format.n")
    words = {key: text for key, text in load("zh").items() if not key.startswith(same)}
    latin = [key for key, text in words.items() if not re.search(r"[一-鿿]", re.sub(r"{\w+}", "元", text))]
    assert latin == ["reconcile.names.dio", "reconcile.names.dso", "reconcile.names.dpo"]


def test_catalogue_covers_the_data_dictionary() -> None:
    texts = load("en")
    for model in rows.TABLES:
        fields = rows.Settings.model_fields if model.table == "company" else model.model_fields
        for name, info in fields.items():
            source = extra(info, "source")
            if not info.is_required() and not says_nothing(info) and source:
                assert f"source.{source}" in texts, f"{model.table}.{name}: {source}"
        if not model.required:
            assert f"absent.{model.table}" in texts
    assert {f"setting.{name}" for name in rows.Settings.model_fields} <= set(texts)
    kinds = rows.Shock.model_fields["field"].annotation.__args__  # type: ignore[union-attr]
    assert {f"shock_field.{kind}" for kind in kinds} <= set(texts)
    assert {f"cash_line.{line}" for line in CASH_LINES} | {f"lever.{lever}" for lever in LEVERS} <= set(texts)
    assert {f"measure.{m}.{part}" for m in MEASURES for part in ("name", "formula", "unit")} <= set(texts)


def test_unknown_language_is_refused(run: Path) -> None:
    with pytest.raises(ValueError, match="no catalogue for language 'fr'"):
        write_report(run, lang="fr")


def test_no_text_is_hard_coded(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a catalogue of Cyrillic letters only, Latin words that remain are the company's own or the library's."""

    def foreign(lang: str) -> dict[str, str]:
        def mask(text: str) -> str:
            return "".join(x if x.startswith("{") else re.sub(r"[^\W\d_]", "ж", x) for x in re.split(r"({\w+})", text))

        return {key: mask(text) for key, text in load(lang).items()}

    monkeypatch.setattr(catalogue, "load", foreign)
    html = write_report(run, tmp_path / "r.html").read_text(encoding="utf-8")
    html = re.sub(r'<table[^>]*id="table-assumptions">.*?</table>', "", html, flags=re.S)  # the data dictionary's words
    manifest = store.read_manifest(run)
    own = [SCRIPT, FORMULA, *NODES, "SUP", "s2", "s3", "Shop", manifest["input_hash"], manifest["input_hash"][:12]]
    own += [*manifest["versions"], "cpu"]
    own += [text for name in NAMES for text in (library()[name].title["en"], library()[name].source["en"])]
    text = " ".join(Page(html).text)
    for name in sorted(own, key=len, reverse=True):
        text = text.replace(name, " ")
    assert re.findall(r"[A-Za-z]{2,}|[一-鿿]+", text) == []
    book = openpyxl.load_workbook(write_tables(run, tmp_path / "t.xlsx"))
    cells = [cell.value for page in book for line in page.iter_rows() for cell in line if isinstance(cell.value, str)]
    text = " ".join(cells + book.sheetnames)
    for name in sorted([*own, *dictionary_words(findings(run))], key=len, reverse=True):
        text = text.replace(name, " ")
    assert re.findall(r"[A-Za-z]{2,}|[一-鿿]+", text) == []


def dictionary_words(found: Findings) -> list[str]:
    """What the assumptions page takes from the data dictionary, word by word."""
    table = assumptions_table(found, words_of(found, "en"))
    return [word for row in table.rows for cell in row.cells for word in [cell, *re.findall(r"\w+", cell)] if word]


# What n cannot support


def test_a_bad_future_out_of_twenty_takes_72(
    pages: dict[str, Path], books: dict[str, Workbook], found: Findings
) -> None:
    words = words_of(found, "en")
    enough = tail(np.arange(72.0), words)
    assert isinstance(enough, statistics.Estimate) and np.isfinite(enough).all()
    assert tail(np.arange(71.0), words) == "takes 72 futures"
    assert DEMO_DRAWS == statistics.needed(TAIL) == 72
    for lang in LANGUAGES:  # of this run's 24 futures
        text = "".join(Page(pages[lang].read_text(encoding="utf-8")).text)
        few, missing = load(lang)["verdict.too_few"].format(need=72), load(lang)["fan.too_few"]
        assert text.count(few) == len(found.names) + 2, "the table of scenarios, the sentence above, the fans' note"
        assert missing.format(outer=72, inner=13) in text
        page = books[lang][load(lang)["workbook.sheets.fan"]]
        assert missing.format(outer=72, inner=13) in str(page["A2"].value)
        assert page.max_column == 1 + 3 * len(SERIES) * len(found.names), "25, 50 and 75 %"
        assert few in {cell.value for line in books[lang][load(lang)["workbook.sheets.verdict"]].rows for cell in line}


def test_parameters_that_nobody_calibrated_are_called_known(pages: dict[str, Path]) -> None:
    text = "".join(Page(pages["en"].read_text(encoding="utf-8")).text)
    assert re.search(r"Parameters .* are taken as known", text)


# Figures tie


def test_thirteen_weeks_tie_to_the_cent(found: Findings) -> None:
    for name in ("base", found.hardest):
        table = cash_weeks(found, name)
        cash = cents(found.series(name, "cash")[found.middle])
        assert len(table.closing) == 13
        assert not table.check.any()
        assert (table.closing == cash[6 : 7 * 13 : 7]).all()
        assert (table.opening[1:] == table.closing[:-1]).all()


def test_thirteen_weeks_tie_in_the_workbook(books: dict[str, Workbook], found: Findings) -> None:
    for lang, book in books.items():
        page = book[load(lang)["workbook.sheets.weeks_stress"]]
        assert load(lang)["currency.CNY"] in str(page["A1"].value)
        values = {str(line[0].value): [cell.value for cell in line[1:]] for line in page.iter_rows(min_row=4)}
        opening, closing = values[load(lang)["weeks.opening"]], values[load(lang)["weeks.closing"]]
        lines = [values[load(lang)[f"cash_line.{line}"]] for line in CASH_LINES]
        for week in range(14):
            assert round(opening[week] + sum(line[week] for line in lines) - closing[week], 6) == 0
        assert values[load(lang)["weeks.check"]] == [0] * 14
        closes = cents(found.series(found.hardest, "cash")[found.middle])
        assert closing[:13] == [int(x) / 100 for x in closes[6 : 7 * 13 : 7]]


def test_a_cent_astray_is_refused_and_leaves_no_file(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Findings.path

    def astray(self: Findings, scenario: str, name: str) -> np.ndarray:
        return honest(self, scenario, name) + (0.01 if name == "cash_taxes" else 0.0)

    monkeypatch.setattr(Findings, "path", astray)
    for write in (write_report, write_tables):
        with pytest.raises(NotTied, match=r"base, week 1: cash is 0\.07 off"):
            write(run, tmp_path / "report")
    assert list(tmp_path.iterdir()) == []


def test_bridge_sums_exactly_as_printed(pages: dict[str, Path], found: Findings) -> None:
    for path in pages.values():
        lines = Page(path.read_text(encoding="utf-8")).tables["table-bridge"][1:]
        assert len(lines) == len(NAMES)
        for line in lines:
            base, dio, dso, dpo, stress = (round(10 * number(cell)) for cell in line[1:6])
            assert base + dio + dso + dpo == stress
    for built in bridge_page.bridges(found):
        assert abs(built.stress / 10 - found.figure(built.scenario, "ccc").mean()) < 0.2


def test_page_and_workbook_show_the_results(
    pages: dict[str, Path], books: dict[str, Workbook], found: Findings
) -> None:
    lines = Page(pages["en"].read_text(encoding="utf-8")).tables["table-verdict"][1:]
    sheet = list(books["en"][load("en")["workbook.sheets.verdict"]].iter_rows(min_row=4, values_only=True))
    for name, line, cells in zip(found.names, lines, sheet, strict=True):
        survives = found.figure(name, "survives")
        expected = statistics.probability(survives)
        assert number(line[1]) == round(100 * survives.mean(), 1)
        assert number(line[2]) == round(found.figure(name, "lowest_cash").mean() / 1000, 1)
        assert cells[1:5] == (
            pytest.approx(expected.value),
            pytest.approx(expected.low),
            pytest.approx(expected.high),
            DRAWS,
        )
        assert cells[5] == pytest.approx(found.figure(name, "lowest_cash").mean() / 1000)


def test_covenant_headroom_is_of_test_days(found: Findings, pages: dict[str, Path]) -> None:
    values = found.series("base", "covenant_minimum_liquidity")[:, [26, 54, 85]]
    line = Page(pages["en"].read_text(encoding="utf-8")).tables["table-verdict"][1]
    assert number(line[5]) == round((values.min(axis=1) - 50_000).mean() / 1000, 1)


# The verdict


def test_verdict_waits_for_the_whole_interval() -> None:
    def of(successes: int, n: int) -> str:
        return verdict_class(statistics.probability(np.arange(n) < successes))

    assert of(1000, 1000) == "survives"
    assert of(10, 10) == "unsure"
    assert of(800, 1000) == "at_risk"
    assert of(100, 1000) == "fails"
    assert of(4, 10) == "at_risk"


def test_default_rule_is_told_as_declared(found: Findings) -> None:
    words = words_of(found, "en")

    def rule(**settings: object) -> str:
        changed = found.company.settings.model_copy(update=settings)
        return default_rule(replace(found, company=replace(found.company, settings=changed)), words)

    assert "more than 30 daily closes" in rule()
    assert "equity is below zero" in rule(balance_sheet_test=True)
    assert "more than 10 daily closes" in rule(cure_days=10, grace_days=None)
    assert "no default rule was declared" in rule(grace_days=None)


@pytest.mark.parametrize(
    ("line", "given", "simulated", "expected"),
    [
        ("revenue", 100.0, 105.0, False),
        ("revenue", 100.0, 105.01, True),
        ("margin", 20.0, 18.99, True),
        ("margin", -20.0, -20.5, False),
        ("dio", 30.0, 35.0, False),
        ("dpo", 30.0, 24.9, True),
        ("dso", 3.0, math.nan, True),
        ("cost", 1.0, 9.0, None),
        ("expenses", 1.0, 9.0, None),
    ],
)
def test_reconciliation_thresholds(line: str, given: float, simulated: float, expected: bool | None) -> None:
    assert beyond(line, given, simulated) is expected


@pytest.mark.parametrize(("off", "state"), [({}, "yes"), ({"revenue": 1.2}, "no"), ({"payables": 20.0}, "no")])
def test_base_case_against_statements(found: Findings, off: dict[str, float], state: str) -> None:
    side = base_side(found)
    level = {
        name: float(getattr(side, name).mean()) * off.get(name, 1.0)
        for name in ("revenue", "cost", "stock", "payables", "receivables")
    }
    changed = replace(found, company=company(statements=statements(**level)))
    assert reconciled(changed)[0] == state
    assert status(changed, words_of(changed, "en"))["state"] == state


def test_not_reconciled_is_said_on_the_page(found: Findings) -> None:
    changed = replace(found, company=company(statements=statements(1.0, 1.0, 1.0, 1.0, 1.0)))
    page = Page(render(changed, words_of(changed, "en")))
    marks = [a["class"] for tag, a in page.tags if tag == "p" and "status" in str(a.get("class"))]
    assert marks == ["status no", "status no"]
    assert page.text.count("Base case not reconciled") == 2
    assert [row[-1] for row in page.tables["table-reconcile"][1:]].count("beyond") == 5
    assert (
        ".status.no { color: #ffffff; background: var(--red)"
        in files("scenarios.report").joinpath("report.css").read_text()
    )


def test_without_statements_it_says_so(pages: dict[str, Path]) -> None:
    assert "No statements given" in Page(pages["en"].read_text(encoding="utf-8")).text
    assert "未提供报表" in Page(pages["zh"].read_text(encoding="utf-8")).text


# Nothing runs, nothing is fetched


def test_names_are_text_and_nothing_is_fetched(pages: dict[str, Path]) -> None:
    for path in pages.values():
        html = path.read_text(encoding="utf-8")
        page = Page(html)
        assert SCRIPT in "".join(page.text)
        assert not [tag for tag, _ in page.tags if tag in ("script", "iframe", "object", "embed", "form", "base")]
        policy = [
            a["content"] for tag, a in page.tags if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy"
        ]
        assert policy and str(policy[0]).startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
        for tag, attributes in page.tags:
            for name, value in attributes.items():
                assert not name.startswith("on")
                if name in ("src", "href", "xlink:href"):
                    assert str(value).startswith(("#", "data:")), f"{tag} {name}={value}"
        assert set(re.findall(r"https?://[^\"' ]+", html)) <= {
            "http://www.w3.org/2000/svg",
            "http://www.w3.org/1999/xlink",
        }
        assert "@import" not in html and "@font-face" not in html
        ids = [a["id"] for _, a in page.tags if "id" in a]
        assert len(ids) == len(set(ids))


def test_workbook_cells_cannot_run(books: dict[str, Workbook]) -> None:
    texts = []
    for book in books.values():
        for page in book:
            for line in page.iter_rows():
                for cell in line:
                    assert cell.data_type in ("s", "n", "d", "b"), f"{page.title} {cell.coordinate}"
                    assert cell.hyperlink is None
                    if isinstance(cell.value, str):
                        texts.append(cell.value)
    assert not [text for text in texts if text.lstrip()[:1] in ("=", "+", "-", "@", "＝", "＋", "－", "＠")]
    assert f"'{FORMULA}" in texts


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\t=1", "\r=1", "＝1", "＋1", "－1", "＠x", " =1", "\n=1"])
def test_harmless(text: str) -> None:
    assert harmless(text) == f"'{text}"


def test_harmless_leaves_words_alone() -> None:
    assert harmless("鲜奶 1-2 = 3") == "鲜奶 1-2 = 3"
    assert harmless("a\x1b[31m") == "a[31m"


def test_workbook_numbers_are_numbers_with_units(books: dict[str, Workbook]) -> None:
    for lang, unit in (("en", "CNY thousand"), ("zh", "千元")):
        page = books[lang][load(lang)["workbook.sheets.verdict"]]
        headings = [str(cell.value) for cell in page[3]]
        assert sum(unit in heading for heading in headings) >= 6
        for line in page.iter_rows(min_row=4):
            assert isinstance(line[5].value, float) and line[5].number_format.startswith("#,##0")
        fan = books[lang][load(lang)["workbook.sheets.fan"]]
        assert fan["A4"].is_date and fan.max_row == 3 + DAYS


# What it refuses, and what else it can be given


@pytest.mark.parametrize("write", [write_report, write_tables])
def test_a_folder_without_a_run_is_refused(write: Callable[..., Path], tmp_path: Path, run: Path) -> None:
    with pytest.raises(NoRun, match=r"manifest\.json is missing"):
        write(tmp_path)
    with pytest.raises(NoRun):
        write(tmp_path / "nowhere")
    (tmp_path / "manifest.json").write_text("{", encoding="utf-8")
    with pytest.raises(NoRun):
        write(tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps({"complete": False}), encoding="utf-8")
    with pytest.raises(NoRun, match="does not say so"):
        write(tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps(store.read_manifest(run)), encoding="utf-8")
    with pytest.raises(NoRun, match="holds no results"):
        write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_base_case_alone(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [], company(covenants=()))
    page = Page(write_report(run, lang="zh").read_text(encoding="utf-8"))
    assert "table-verdict" in page.tables and "table-bridge" not in page.tables
    assert "基准情景" in "".join(page.text)
    write_tables(run)


def test_one_future_has_no_intervals(found: Findings) -> None:
    one = replace(found, joint=found.joint.isel(draw=[3]), variants=found.variants.isel(draw=[3]))
    page = Page(render(one, words_of(one, "en")))
    line = page.tables["table-verdict"][-1]
    assert number(line[2]) == round(float(found.figure("compound", "lowest_cash")[3]) / 1000, 1)
    assert re.findall(r"\bnan\b|\binf\b", " ".join(page.text).lower()) == []


def test_same_run_same_bytes(run: Path, pages: dict[str, Path], tmp_path: Path) -> None:
    again = write_report(run, tmp_path / "again.html")
    assert again.read_bytes() == pages["en"].read_bytes()


def test_every_default_used_is_an_assumption(found: Findings) -> None:
    table = assumptions_table(found, words_of(found, "en"))
    lines = {(str(row.cells[0]), str(row.cells[1]).split(" ")[0]): row.cells for row in table.rows}
    assert lines["products", "pack"][5] == "1 of 2"
    assert lines["products", "vat"][3:] == ["0.13", "China's standard rate", "2 of 2"]
    assert lines["company", "grace_days"][3:] == ["30", "the design's default rule", "setting"]
    assert ("company", "minimum_cash") not in lines
    assert ("statements", "(whole") in lines
    assert ("products", "price") not in lines


# Words


def test_figures_are_written_for_readers() -> None:
    words = Words("en", "CNY", 10_000, scale=500_000)
    assert words.money(1_234_567) == "123.5"
    assert words.money(-4) == "0.0"
    assert words.amount(-25_000) == "CNY −2.5 × 10,000"
    assert words.number(-1234.5, 1) == "−1,234.5"
    assert words.number(math.nan) == "–"
    assert words.percent(0.9999) == "> 99.9"
    assert words.percent(1.0) == "100.0"
    assert words.percent(0.0001) == "< 0.1"
    assert words.full_date(date(2026, 3, 9)) == "9 Mar 2026"
    chinese = Words("zh", "CNY", 10_000, scale=500_000)
    assert chinese.unit == "万元"
    assert chinese.amount(25_000) == "2.5万元"
    assert chinese.full_date(date(2026, 3, 9)) == "2026年3月9日"
    assert Words("en", "CHF", 12).unit == "CHF × 12"


def test_scenarios_of_the_company_go_by_their_own_name() -> None:
    assert Words("en", "CNY", 1).scenario("supplier-out") == library()["supplier-out"].title["en"]
    assert Words("en", "CNY", 1, frozenset({"supplier-out"})).scenario("supplier-out") == "supplier-out"


def test_every_table_has_a_sheet_name(found: Findings) -> None:
    for lang in LANGUAGES:
        words = words_of(found, lang)
        names = [words(f"workbook.sheets.{table.key}") for table in all_tables(found, words)]
        assert len(names) == len(set(names)) and all(len(name) <= 31 for name in names)


def test_template_holds_no_words() -> None:
    template = files("scenarios.report").joinpath("report.html").read_text(encoding="utf-8")
    bare = re.sub(r"{%.*?%}|{{.*?}}|<[^>]*>", " ", template, flags=re.S)
    assert re.findall(r"[^\W\d_]+", bare) == []


# In a browser


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    """Debian's Chromium without a sandbox and without its own errands."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=chromium, args=quiet)
        yield opened
        opened.close()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_report_in_a_browser(browser: object, pages: dict[str, Path], lang: str) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 1000})  # type: ignore[attr-defined]
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(pages[lang].as_uri())
    assert complaints == []
    assert [url for url in requests if not url.startswith("data:")] == [pages[lang].as_uri()]
    charts = page.locator("figure svg")
    assert charts.count() == len(NAMES) + 1 + 2
    for place in range(charts.count()):
        box = charts.nth(place).bounding_box()
        assert box["width"] > 500 and box["height"] > 80
    assert page.locator("figure svg image").count() >= 2
    assert page.locator("h1").inner_text() == f"Shop {SCRIPT}"
    assert page.locator("nav a").count() == page.locator("main section").count() == 9
    assert page.evaluate("document.documentElement.scrollWidth") <= 1440
    assert page.evaluate("document.documentElement.lang").startswith(lang)
    page.close()

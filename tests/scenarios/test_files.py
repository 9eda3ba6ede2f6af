"""Scenario files: what is written is read back the same, and every bad YAML is named with its line and remedy."""

from decimal import Decimal

import pytest

from scenarios.files import read_scenarios, write_scenarios
from twin.tables.faults import Faults
from twin.tables.rows import Shock

ROWS = [
    Shock(scenario="strike", shock="port", field="lane_capacity", start=28, days=21, factor=0, supplier="Far|近"),
    Shock(scenario="strike", shock="slow", field="lead_time", start=49, days=56, factor="1.60", shape="recovery"),
    Shock(scenario="NO", shock="012", field="rate", start=0, days=3650, add="0.03", severity="uniform(0.5, 1)",
          probability="0.25", facility="revolver"),
    Shock(scenario="terms", shock="cut", field="terms", start=1, days=9, net_days=30),
]  # fmt: skip


@pytest.mark.parametrize("suffix", ["yaml", "csv"])
def test_what_is_written_is_read_back_the_same(tmp_path, suffix):
    path = tmp_path / f"mine.{suffix}"
    write_scenarios(ROWS, path)
    assert read_scenarios(path) == ROWS
    first = path.read_bytes()
    write_scenarios(read_scenarios(path), path)
    assert path.read_bytes() == first
    assert [row.model_fields_set for row in read_scenarios(path)] == [row.model_fields_set for row in ROWS]


def test_text_is_what_was_typed(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(
        "schema_version: 1\nscenarios:\n  off:\n"
        "    - {shock: NO, field: demand, start: 1, days: 2, factor: 0.70, product: 007}\n"
    )
    (row,) = read_scenarios(path)
    assert (row.scenario, row.shock, row.product, row.factor) == ("off", "NO", "007", Decimal("0.70"))


def test_an_included_file_counts_once(tmp_path):
    (tmp_path / "b.yaml").write_text(
        "schema_version: 1\nscenarios: {s: [{shock: a, field: demand, start: 0, days: 1, factor: 2}]}"
    )
    (tmp_path / "a.yaml").write_text("schema_version: 1\ninclude: [b.yaml, b.yaml]\n")
    assert len(read_scenarios(tmp_path / "a.yaml")) == 1


GOOD = "schema_version: 1\nscenarios:\n  s:\n    - {shock: a, field: demand, start: 0, days: 1, factor: 2}\n"
BAD = [
    ("", "N002 bad.yaml: is empty; expected a mapping"),
    ("# nothing\n", "N002 bad.yaml: holds only remarks"),
    ("scenarios:\n\t- a\n", "N003 bad.yaml:2: is not valid YAML"),
    ("a: [1, 2\n", "N003 bad.yaml:2: is not valid YAML"),
    (b"a: \xff\xfe", "N004 bad.yaml: is not UTF-8 at byte 3; save it as UTF-8"),
    ("- a\n- b\n", "N005 bad.yaml:1: expected a mapping, found a list"),
    ("word\n", "N005 bad.yaml:1: expected a mapping, found a single value"),
    ("schema_version: 1\nscenarios: [a]\n", "N005 bad.yaml:2: 'scenarios' must be a mapping"),
    ("schema_version: 1\nscenarios:\n  s: word\n", "N005 bad.yaml:3: 's' must be a list"),
    ("schema_version: 1\nscenarios:\n  s:\n    - word\n", "N005 bad.yaml:4: a shock is a mapping"),
    (GOOD + "  s: []\n", "N006 bad.yaml:5: key 's' is given twice (lines 3 and 5)"),
    (GOOD + "scenario: {}\n", "N007 bad.yaml:5: found 'scenario'; unknown key; allowed: schema_version"),
    (GOOD.replace("days", "dayz"), "did you mean 'days'"),
    ("scenarios: {}\n", "N008 bad.yaml:1: has no schema_version; write 'schema_version: 1'"),
    ("schema_version: 2\n", "N008 bad.yaml:1: schema_version 2 is newer than this program knows (1)"),
    ("schema_version: x\n", "N008 bad.yaml:1: schema_version must be a whole number"),
    (GOOD.replace("days: 1", "days: 012"), "N019 bad.yaml:4: found '012'; is read as different numbers"),
    (GOOD.replace("days: 1", "days: 1_0"), "N019 bad.yaml:4: found '1_0'"),
    (GOOD.replace("factor: 2", "factor: 1e3"), "N019 bad.yaml:4: found '1e3'"),
    (GOOD.replace("factor: 2", "factor: -2"), "S005 bad.yaml:4:factor: found '-2'"),
    (GOOD.replace("demand", "demands"), "S001 bad.yaml:4:field: found 'demands'"),
    ("schema_version: 1\ninclude: [bad.yaml]\n", "N027 bad.yaml: include cycle bad.yaml -> bad.yaml"),
    ("schema_version: 1\ninclude: [../up.yaml]\n", "S011 bad.yaml:2: found '../up.yaml'; leads out of the folder"),
    ("schema_version: 1\ninclude: ['http://x/y.yaml']\n", "S011 bad.yaml:2"),
    ("schema_version: 1\ninclude: [gone.yaml]\n", "N001 gone.yaml: cannot be read"),
    ("x: !!python/object:os.system {}\n", "N029 bad.yaml:1: found 'tag:yaml.org,2002:python/object:os.system'"),
    ("x: &a [1]\ny: &b [" + "*a, " * 400 + "]\nz: [" + "*b, " * 400 + "]\n", "N028 bad.yaml: expands to more than"),
    ("x: &a [*a]\n", "N028 bad.yaml: expands to more than"),
    ("x: " + "[" * 5000 + "]" * 5000 + "\n", "N028 bad.yaml: is nested too deeply"),
]


@pytest.mark.parametrize(("content", "message"), BAD, ids=[message[:30] for _, message in BAD])
def test_bad_yaml_is_named_with_place_and_remedy(tmp_path, content, message):
    path = tmp_path / "bad.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(Faults) as caught:
        read_scenarios(path)
    assert message in str(caught.value)


def test_includes_go_five_deep_and_no_deeper(tmp_path):
    for depth in range(7):
        (tmp_path / f"{depth}.yaml").write_text(f"schema_version: 1\ninclude: [{depth + 1}.yaml]\n")
    with pytest.raises(Faults, match=r"N027 5\.yaml: includes are more than 5 deep"):
        read_scenarios(tmp_path / "0.yaml")


def test_a_link_that_leads_out_is_refused(tmp_path):
    folder = tmp_path / "shop"
    folder.mkdir()
    (tmp_path / "outside.yaml").write_text(GOOD)
    (folder / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    (folder / "mine.yaml").write_text("schema_version: 1\ninclude: [link.yaml]\n")
    with pytest.raises(Faults, match=r"S011 link\.yaml"):
        read_scenarios(folder / "mine.yaml")


def test_all_faults_are_reported_at_once(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(GOOD.replace("days: 1", "days: 0").replace("factor: 2", "factor: -2") + "extra: 1\n")
    with pytest.raises(Faults) as caught:
        read_scenarios(path)
    assert [fault.code for fault in caught.value.faults] == ["N007", "S003", "S005"]

"""Scenario files: shock rows as YAML or CSV, beside the workbook's tab. What is written is read back the same.

YAML is read as a graph of nodes, never as values: `NO`, `1e3` and `012` stay the text that the user typed and meet
the same column rules as a cell of a workbook; tags are refused, aliases are counted, includes stay in the folder.

    schema_version: 1
    include: [common.yaml]
    scenarios:
      strike:
        - {shock: port, field: lane_capacity, start: 28, days: 21, factor: 0, supplier: Overseas}
"""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from twin.tables.declared import Format
from twin.tables.digest import given
from twin.tables.faults import Fault, Faults, did_you_mean
from twin.tables.headings import kind
from twin.tables.parse import harmless, parse_sheet
from twin.tables.read import inside
from twin.tables.rows import Shock
from twin.tables.sheets import Sheet, csv_sheet
from twin.tables.write import beside

SCHEMA_VERSION = 1
DEPTH_MOST, NODES_MOST, BYTES_MOST = 5, 100_000, 2**24
_PLAIN_TAG = re.compile(r"tag:yaml\.org,2002:(str|int|float|bool|null|map|seq)$")
# What YAML 1.1 and spreadsheets read as another number than the one that is meant.
_SURPRISE = re.compile(r"[-+]?(\d[\d_]*_[\d_.]*|0\d+|0[xXoObB]\w+|\d[\d.]*[eE][-+]?\d+|\d+(:\d\d)+)$")
_TEXT = {name for name, info in Shock.model_fields.items() if kind(info) == "text"}
_KEYS = ("schema_version", "include", "scenarios")


@dataclass
class _Reader:
    """One reading: the folder nothing leaves, faults and rows so far."""

    root: Path
    faults: list[Fault] = field(default_factory=list)
    rows: list[Shock] = field(default_factory=list)
    read: set[Path] = field(default_factory=set)

    def fault(self, code: str, file: str, message: str, node: Node | None = None, found: str | None = None) -> None:
        row = None if node is None else node.start_mark.line + 1
        self.faults.append(Fault(code, file, message, row=row, found=found))


def read_scenarios(path: Path) -> list[Shock]:
    """The shock rows of a .yaml, .yml or .csv file. Raises `Faults` with everything that is wrong."""
    reader = _Reader(path.parent)
    if not path.is_file():
        raise Faults([Fault("N001", str(path), "cannot be read: no such file")])
    if path.suffix.casefold() == ".csv":
        sheet = csv_sheet(path)
        parsed = parse_sheet(sheet, Shock, Format())
        reader.faults, reader.rows = parsed.faults, parsed.rows
    else:
        _read_yaml(reader, path, ())
    if reader.faults:
        raise Faults(reader.faults)
    return reader.rows


def write_scenarios(rows: Iterable[Shock], path: Path) -> None:
    """Write shock rows; the suffix says how: .yaml, .yml or .csv. A cell at its default is left out."""
    rows = list(rows)
    columns = list(Shock.model_fields)
    with beside(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as stream:
        if path.suffix.casefold() == ".csv":
            writer = csv.writer(stream)
            writer.writerow(columns)
            writer.writerows(
                [harmless(given(row, c) or "") if c in _TEXT else given(row, c) for c in columns] for row in rows
            )
            return
        scenarios: dict[str, list[dict[str, str]]] = {}
        for row in rows:
            cells = {c: given(row, c) for c in columns if c != "scenario"}
            scenarios.setdefault(row.scenario, []).append({c: x for c, x in cells.items() if x is not None})
        yaml = YAML(typ="safe", pure=True)
        yaml.default_flow_style = False
        yaml.allow_unicode = True
        yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
        yaml.dump({"schema_version": SCHEMA_VERSION, "scenarios": scenarios}, stream)


def _read_yaml(reader: _Reader, path: Path, above: tuple[Path, ...]) -> None:
    """Add one file and what it includes. above: the files that led here."""
    name, real = path.name, path.resolve()
    if real in above:
        chain = " -> ".join(p.name for p in (*above[above.index(real) :], real))
        reader.fault("N027", name, f"include cycle {chain}; remove one include")
        return None
    if len(above) >= DEPTH_MOST:
        reader.fault("N027", name, f"includes are more than {DEPTH_MOST} deep; put the scenarios in fewer files")
        return None
    if real in reader.read:
        return None
    reader.read.add(real)
    top = _composed(reader, path)
    if top is None:
        return None
    known = dict(_pairs(reader, name, top))
    for key in known:
        if key.value not in _KEYS:
            hint = did_you_mean(key.value, _KEYS)
            reader.fault("N007", name, f"unknown key; allowed: {', '.join(_KEYS)}{hint}", key, key.value)
    nodes = {key.value: value for key, value in known.items()}
    _version(reader, name, top, nodes.get("schema_version"))
    for item in _items(reader, name, nodes.get("include"), "include"):
        target = path.parent / str(item.value)
        if "://" in item.value or Path(item.value).is_absolute() or ".." in Path(item.value).parts:
            reader.fault(
                "S011", name, "leads out of the folder; include files that lie beside this one", item, item.value
            )
        elif (problem := inside(target, reader.root)) is not None:
            reader.faults.append(problem)
        else:
            _read_yaml(reader, target, (*above, real))
    scenarios = nodes.get("scenarios")
    if scenarios is not None and not isinstance(scenarios, MappingNode):
        reader.fault("N005", name, "'scenarios' must be a mapping: a name, then its list of shocks", scenarios)
        return None
    for key, shocks in _pairs(reader, name, scenarios) if scenarios is not None else ():
        for shock in _items(reader, name, shocks, key.value):
            _add(reader, name, key.value, shock)
    return None


def _composed(reader: _Reader, path: Path) -> MappingNode | None:
    """The graph of a file with all that makes it unsafe or no YAML ruled out."""
    name, raw = path.name, path.read_bytes()
    if len(raw) > BYTES_MOST:
        reader.fault("N028", name, f"has {len(raw):,} bytes; limit {BYTES_MOST:,}")
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        reader.fault("N004", name, f"is not UTF-8 at byte {error.start}; save it as UTF-8")
        return None
    if not text.strip():
        reader.fault("N002", name, "is empty; expected a mapping with 'schema_version' and 'scenarios'")
        return None
    try:
        node = YAML(typ="safe", pure=True).compose(text)
    except ReaderError as error:
        reader.fault("N004", name, f"holds a character that YAML forbids at byte {error.position}")
        return None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        tab = (
            " (tab used for indentation)"
            if mark and "\t" in [*text.splitlines(), ""][mark.line][: mark.column + 1]
            else ""
        )
        reader.faults.append(Fault("N003", name, f"is not valid YAML: {error.problem}{tab}", row=line))
        return None
    except RecursionError:
        reader.fault("N028", name, "is nested too deeply to be a list of scenarios")
        return None
    if node is None:
        reader.fault("N002", name, "holds only remarks; expected 'schema_version' and 'scenarios'")
        return None
    if not isinstance(node, MappingNode):
        kind = "a list" if isinstance(node, SequenceNode) else "a single value"
        reader.fault("N005", name, f"expected a mapping, found {kind}", node)
        return None
    safe = _size(node, {}) <= NODES_MOST
    if not safe:
        reader.fault("N028", name, f"expands to more than {NODES_MOST:,} nodes through aliases; write them out")
    return node if safe and _tags(reader, name, node) else None


def _size(node: Node, known: dict[int, int]) -> int:
    """Nodes after all aliases are written out. A node that holds itself is endless."""
    if id(node) in known:
        return known[id(node)]
    known[id(node)] = NODES_MOST + 1  # stands until the node is finished: found again inside itself, it is too large
    if isinstance(node, MappingNode):
        inner = [x for pair in node.value for x in pair]
    else:
        inner = node.value if isinstance(node, SequenceNode) else []
    known[id(node)] = min(1 + sum(_size(x, known) for x in inner), NODES_MOST + 1)
    return known[id(node)]


def _tags(reader: _Reader, name: str, node: Node) -> bool:
    """Whether only plain values stand in the graph."""
    waiting, fine, seen = [node], True, set()
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        tag = str(each.tag)
        if not _PLAIN_TAG.match(tag) and tag != "!":
            reader.fault("N029", name, "this tag is not allowed; only plain values are read", each, tag)
            fine = False
        if isinstance(each, MappingNode):
            waiting += [x for pair in each.value for x in pair]
        elif isinstance(each, SequenceNode):
            waiting += each.value
    return fine


def _pairs(reader: _Reader, name: str, node: Node) -> Iterator[tuple[ScalarNode, Node]]:
    """Keys and values of a mapping; a key that is given twice is a fault."""
    first: dict[str, int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, ScalarNode):
            reader.fault("N005", name, "a key must be a plain word", key)
        elif key.value in first:
            reader.fault("N006", name, f"key '{key.value}' is given twice (lines {first[key.value]} and {line})", key)
        else:
            first[key.value] = line
            yield key, value


def _items(reader: _Reader, name: str, node: Node | None, of: str) -> Iterator[Node]:
    """The entries of a list; a missing list has none."""
    if node is None:
        return
    if not isinstance(node, SequenceNode):
        reader.fault("N005", name, f"'{of}' must be a list: lines that begin with '-'", node)
        return
    for item in node.value:
        if of == "include" and not isinstance(item, ScalarNode):
            reader.fault("N005", name, "an include is the name of a file", item)
        else:
            yield item


def _version(reader: _Reader, name: str, top: Node, version: Node | None) -> None:
    if version is None:
        reader.fault(
            "N008", name, f"has no schema_version; write 'schema_version: {SCHEMA_VERSION}' as its first line", top
        )
    elif not str(version.value).isdecimal() or int(version.value) < 1:
        reader.fault("N008", name, f"schema_version must be a whole number, {SCHEMA_VERSION} today", version)
    elif int(version.value) > SCHEMA_VERSION:
        message = f"schema_version {version.value} is newer than this program knows ({SCHEMA_VERSION}); update Tandem"
        reader.fault("N008", name, message, version)


def _add(reader: _Reader, name: str, scenario: str, shock: Node) -> None:
    """One shock as a row of one sheet, so that cells of YAML obey the rules of cells of a table."""
    if not isinstance(shock, MappingNode):
        reader.fault("N005", name, "a shock is a mapping: {shock: .., field: .., start: .., days: .., ..}", shock)
        return None
    header, cells = ["scenario"], [scenario]
    for key, value in _pairs(reader, name, shock):
        if not isinstance(value, ScalarNode):
            reader.fault("N005", name, f"'{key.value}' must be one value", value)
            continue
        if value.style is None and _SURPRISE.match(value.value) and key.value not in _TEXT:
            message = "is read as different numbers by different programs; write it in plain digits"
            reader.fault("N019", name, message, value, value.value)
            continue
        header.append(key.value)
        cells.append("" if value.style is None and value.value in ("null", "~") else value.value)
    sheet = Sheet(name, None, header, [(shock.start_mark.line + 1, cells)], header_row=shock.start_mark.line + 1)
    parsed = parse_sheet(sheet, Shock, Format())
    reader.faults += parsed.faults
    reader.rows += parsed.rows
    return None

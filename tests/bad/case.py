"""The form of a bad-input case: one change to the small valid company, and what must be said about it."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.bad.base_company import HISTORY, TABLES, write

# The new text of a file; (old, new): one replacement in it; None: the file is taken away.
Edit = str | bytes | tuple[str, str] | None


@dataclass(frozen=True)
class Case:
    """A message must begin with the code and `place` and contain `remedy`; the codes in `also` may follow."""

    code: str
    what: str
    edits: Mapping[str, Edit]
    place: str
    remedy: str
    severity: str = "E"
    also: frozenset[str] = field(default_factory=frozenset)
    build: Callable[[Path], None] | None = None  # what cannot be said as text: links, damaged archives

    @property
    def name(self) -> str:
        return f"{self.code}_{self.what.replace(' ', '_')}"

    @property
    def in_history(self) -> bool:
        return any(file.startswith("history") for file in self.edits)

    def write(self, folder: Path) -> Path:
        """The company with the change, as files."""
        files: dict[str, str | bytes] = {**TABLES, **(HISTORY if self.in_history else {})}
        for file, edit in self.edits.items():
            if edit is None:
                del files[file]
            elif isinstance(edit, tuple):
                old, new = edit
                content = files[file]
                assert isinstance(content, str)
                assert content.count(old) >= 1, f"{self.name}: {old!r} is not in {file}"
                files[file] = content.replace(old, new, 1)
            else:
                files[file] = edit
        write(folder, files)
        if self.build:
            self.build(folder)
        return folder


def link(target: str, name: str) -> Callable[[Path], None]:
    """A file in the folder that points somewhere else."""
    return lambda folder: os.symlink(target, folder / name)

"""Small documents that show when a single bit of them has changed."""

import hashlib
import json
from pathlib import Path
from typing import Any

from twin.tables.write import beside

SEAL = "seal"


class Damaged(Exception):
    """A document or a shard is not what was written."""


def sealed(document: dict[str, Any]) -> str:
    """The document as JSON that ends in its own SHA-256."""
    body = {key: value for key, value in document.items() if key != SEAL}
    seal = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    return json.dumps(body | {SEAL: seal}, indent=1, ensure_ascii=False) + "\n"


def write_sealed(path: Path, document: dict[str, Any]) -> None:
    """Whole or not at all, and on the disk before this returns."""
    with beside(path) as temporary:
        temporary.write_text(sealed(document), encoding="utf-8")


def read_sealed(path: Path) -> dict[str, Any]:
    """Raises FileNotFoundError; Damaged where the text is not exactly what was written."""
    try:
        text = path.read_text(encoding="utf-8")
        document: dict[str, Any] = json.loads(text)
        if sealed(document) == text:
            return document
    except (UnicodeDecodeError, ValueError, AttributeError) as error:
        raise Damaged(f"{path} is not what was written") from error
    raise Damaged(f"{path} is not what was written")


def checksum(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

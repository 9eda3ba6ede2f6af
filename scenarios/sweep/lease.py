"""One driver at a time: two would only do the same work twice, since both write the same bytes.

The lock is the system's own, so it goes with its process, however that ends. Where a file system has none (some
clusters mount Lustre without it) the run goes on without a lease: double work, never wrong work.
"""

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


class Held(Exception):
    """Another driver is at work in the folder."""


@contextmanager
def lease(folder: Path, name: str) -> Iterator[None]:
    """Hold `folder` for this process under a name. Raises Held with who has it."""
    with open(folder / f".lease-{name}", "a+", encoding="utf-8") as stream:
        if fcntl is not None:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                stream.seek(0)
                raise Held(f"{folder} is being worked on by {_who(stream.read())}") from error
            except OSError:
                pass
        stream.seek(0)
        stream.truncate()
        stream.write(json.dumps({"process": os.getpid(), "host": socket.gethostname(), "since": time.time()}))
        stream.flush()
        yield


def _who(text: str) -> str:
    try:
        holder = json.loads(text)
        minutes = (time.time() - holder["since"]) / 60
        return f"process {holder['process']} on {holder['host']}, since {minutes:.0f} minutes"
    except (ValueError, KeyError, TypeError):
        return "another process"

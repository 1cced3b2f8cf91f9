"""The child process that reads one upload: ``python -m lib.files.upload_child SECONDS BYTES``.

Standard input has the pickled call: the function's name, as "package.module:name", and its arguments. Standard output
has frames: a tag, the payload's length in eight bytes, the payload. Imports only what the function needs.
"""

from __future__ import annotations

import faulthandler
import json
import os
import pickle
import pkgutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from enum import Enum
from pathlib import Path
from struct import Struct
from typing import BinaryIO

from lib.errors import PaddockError
from lib.files.upload_pickle import pickle_value

FRAME = Struct(">cQ")
MEMORY_EXIT_CODE = 71
# Next to a busy server the process gets a tenth of a core, so that it ends.
_NICENESS = 10


class FrameTag(Enum):
    """The kinds of frames. PART: a value that was read, pickled. ERROR: message and advice as JSON. END: no more."""

    PART = b"P"
    ERROR = b"E"
    END = b"."


def _send(out: BinaryIO, tag: FrameTag, payload: bytes = b"") -> None:
    out.write(FRAME.pack(tag.value, len(payload)))
    out.write(payload)
    out.flush()


def _limit_itself(seconds: float, memory: int) -> None:
    """Let the system enforce the limits; where it cannot, only the watchdog and the sizes of the input bound it."""
    # The parent ends this process in time; this is for a parent that is gone.
    faulthandler.dump_traceback_later(seconds + 5, exit=True, file=Path(os.devnull).open("w"))  # noqa: SIM115
    with suppress(AttributeError, OSError):  # Windows has a class of priority instead
        os.nice(_NICENESS)
    # Windows has no limits for a process, macOS none on memory.
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 2))
        # Private memory. Unlike RLIMIT_AS it does not count libraries and reserved addresses.
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))


def _read(out: BinaryIO) -> None:
    name, arguments = pickle.load(sys.stdin.buffer)  # noqa: S301 (from Paddock itself)
    result = pkgutil.resolve_name(name)(*arguments)
    del arguments
    for part in result if isinstance(result, Iterator) else (result,):
        _send(out, FrameTag.PART, pickle_value(part))
    _send(out, FrameTag.END)


def main() -> None:
    """Read the upload, in the child process."""
    _limit_itself(float(sys.argv[1]), int(sys.argv[2]))
    # Else openpyxl imports it, which takes a quarter of a second and 12 MB.
    sys.modules["numpy"] = None  # type: ignore[assignment]
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    sys.stdout = sys.stderr
    try:
        _read(out)
    except MemoryError:
        os._exit(MEMORY_EXIT_CODE)
    except PaddockError as error:
        _send(out, FrameTag.ERROR, json.dumps([error.message, error.advice]).encode())
    except Exception as error:  # of a reader that did not expect this file
        message = f"The file is damaged, or not what its name says ({type(error).__name__})."
        _send(
            out, FrameTag.ERROR, json.dumps([message, "Save it again in the program that made it."]).encode()
        )


if __name__ == "__main__":
    main()

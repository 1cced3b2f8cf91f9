"""An ordinary user loses the right to write, and regains it: ``python -m tests.store.read_only_process FOLDER``.

In a process of its own, because changing the user changes it for every thread of the process.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from lib.errors import StorageFailed
from lib.store.store import Store
from tests.faults.core_process import NOBODY
from tests.store.conversation_trees import SETTINGS
from tests.store.failing_store import FailingStore


def drop_privileges(folder: Path) -> None:
    """Become an ordinary user, if this is root, to whom every file is writable."""
    if os.geteuid() != 0:
        return
    # Modules are imported and migrations read by now: the repository may be closed to that user.
    store = Store(f"sqlite:///{folder}/root/paddock.sqlite3")
    store.database.open()
    store.close()
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def main(folder: Path) -> None:
    """Print “recovered” at the end."""
    drop_privileges(folder)
    failing = FailingStore(folder)
    failing.store.close()
    failing.file.chmod(0o400)
    failing.expect_failure("read-only")
    failing.expect_stored(failing.before)
    failing.file.chmod(0o600)
    # One connection is left from the time when the file could not be written.
    with contextlib.suppress(StorageFailed):
        failing.store.conversations.save("ann", failing.after, SETTINGS)
    failing.expect_recovery()
    print("recovered")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

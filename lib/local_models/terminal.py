"""Models in a terminal: the list, the licence, and the line that shows a download's progress."""

from __future__ import annotations

import sys
import time

from lib.errors import BadInput
from lib.local_models.listed_models import list_models
from lib.local_models.model_folder import remove_model
from lib.local_models.model_source import SHIPPED_NAME, ModelSource, RemoteModel
from lib.local_models.transfer_rate import TransferRate, describe_transfer


def describe_models() -> str:
    """Return the list of the models that there are, and how each is named. Raises BadInput."""
    rows = []
    for model in list_models():
        state = "comes with Paddock"
        if model.is_here and model.size:
            state = f"on this computer, {model.size / 1e6:,.0f} MB"
        elif model.source is not None and model.downloaded:
            state = f"{model.downloaded / 1e6:,.0f} of {model.size / 1e6:,.0f} MB downloaded"
        elif model.source is not None:
            memory = model.source.memory / 1e9
            state = f"{model.size / 1e6:,.0f} MB to download, needs {memory:.1f} GB of memory"
        rows.append((model.key, model.name, state))
    lines = [f"{id:16}{name:24}{state}" for id, name, state in rows]
    lines += [
        "",
        "Or any other GGUF model: --model /path/to/model.gguf, --model https://host/path/model.gguf",
    ]
    return "\n".join(lines)


def remove(source: ModelSource) -> str:
    """Remove a downloaded model. Return what has happened. Raises BadInput."""
    if not isinstance(source, RemoteModel):
        raise BadInput(
            "This model was not downloaded by an id or an address, so Paddock does not remove it.",
            advice="Delete the file yourself.",
        )
    try:
        return f"{source.name} is removed." if remove_model(source.id) else f"{source.name} is not here."
    except OSError as error:
        raise BadInput(f"{source.name} cannot be removed: {error.strerror or error}.") from None


def require_licence(source: ModelSource, *, accepts: bool) -> None:
    """Show the model's licence and ask for its acceptance, unless that was done before. Raises BadInput."""
    licence = source.licence if isinstance(source, RemoteModel) else None
    if licence is None or licence.is_accepted():
        return
    if not accepts:
        advice = "Start it in a terminal, where the licence is shown, or add --accept-licence."
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise BadInput(f"The {licence.name} has to be accepted first.", advice=advice)
        print(f"{licence.text()}\n{licence.notice}\n", file=sys.stderr)
        print(
            f"Do you accept the {licence.name} and its acceptable use policy? Type yes: ",
            end="",
            file=sys.stderr,
        )
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() != "yes":
            raise BadInput(
                f"The {licence.name} was not accepted, so nothing was downloaded.",
                advice=f"Without --model, Paddock uses {SHIPPED_NAME}, which needs no acceptance.",
            )
    try:
        licence.accept()
    except OSError as error:
        raise BadInput(f"The acceptance cannot be saved: {error.strerror or error}.") from None


class DownloadLine:
    """A line on standard error that shows the progress of a download."""

    def __init__(self, model: RemoteModel) -> None:
        self._label = f"Downloading {model.name}"
        if model.address:
            self._label += f" from {model.host}"
        self._rate = TransferRate()
        self._printed_at = 0.0
        self._printed: int | None = None

    def report(self, done: int, total: int) -> None:
        """Show the progress: in a terminal twice a second, else at each tenth."""
        now = time.monotonic()
        self._rate.add(now, done)
        is_terminal = sys.stderr.isatty()
        tenth = done * 10 // total if total else 0
        if (now - self._printed_at < 0.5) if is_terminal else tenth == self._printed:
            return
        self._printed_at, self._printed = now, tenth
        text = f"{self._label}: {describe_transfer(done, total, self._rate.bytes_per_second)}"
        print(
            f"\r{text:<100}" if is_terminal else text,
            end="" if is_terminal else "\n",
            file=sys.stderr,
            flush=True,
        )

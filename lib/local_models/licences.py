"""The licences of models that have to be accepted once before the download, with their texts."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lib.system.paths import data_folder

_TEXTS = Path(__file__).parent / "licence_texts"


@dataclass(frozen=True)
class Licence:
    """A licence. ``id`` is the folder of its texts; ``mark`` stands wherever the model answers.

    ``notice`` is the attribution that has to go with every copy of the model.
    """

    id: str
    name: str
    notice: str
    mark: str
    files: tuple[str, ...]

    def text(self) -> str:
        """Return everything that has to be accepted."""
        return "\n\n".join(_TEXTS.joinpath(self.id, file).read_text(encoding="utf-8") for file in self.files)

    @property
    def kept_folder(self) -> Path:
        """The folder with the texts as they were accepted. Raises BadInput."""
        return data_folder() / "licences" / self.id

    def is_accepted(self) -> bool:
        """Return True if the user has accepted these very texts. Raises BadInput."""
        try:
            accepted = json.loads((self.kept_folder / "accepted.json").read_text(encoding="utf-8"))
            return bool(accepted["sha256"] == self._digest())
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def accept(self) -> None:
        """Keep the texts, and that they were accepted now. Raises OSError and BadInput."""
        folder = self.kept_folder
        folder.mkdir(parents=True, exist_ok=True)
        for file in self.files:
            (folder / file).write_bytes(_TEXTS.joinpath(self.id, file).read_bytes())
        (folder / "NOTICE.txt").write_text(f"{self.notice}\n", encoding="utf-8")
        accepted = {"sha256": self._digest(), "accepted_at": datetime.now(UTC).isoformat(timespec="seconds")}
        (folder / "accepted.json").write_text(json.dumps(accepted), encoding="utf-8")

    def _digest(self) -> str:
        return hashlib.sha256(self.text().encode()).hexdigest()


# The texts are those of the public repository meta-llama/llama-models, models/llama3_2.
LLAMA_3_2 = Licence(
    id="llama-3.2",
    name="Llama 3.2 Community License",
    notice="Llama 3.2 is licensed under the Llama 3.2 Community License, Copyright © Meta Platforms, Inc. All Rights "
    "Reserved.",
    mark="Built with Llama",
    files=("LICENSE.txt", "USE_POLICY.md"),
)

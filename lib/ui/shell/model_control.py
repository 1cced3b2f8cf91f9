"""The local owner's actions on the models of this computer. Anybody else is refused, whatever their page shows."""

from __future__ import annotations

from contextlib import suppress

from lib.errors import BadInput, PaddockError
from lib.local_models.download_task import DownloadStatus, DownloadTask
from lib.local_models.hub import hub_from_environment
from lib.local_models.listed_models import describe_model
from lib.local_models.model_folder import find_record, remove_model
from lib.local_models.model_sizes import fetch_sizes, find_source
from lib.local_models.model_source import RemoteModel
from lib.local_models.requirements import require_free_memory, require_room
from lib.local_models.supervised_twin import Failed
from lib.local_models.supervisor import Supervisor
from lib.ui.shell.visitor_cookie import LOCAL_OWNER

# The line on each page is short. The dialog has the rest.
_MORE = "“Where answers come from” says why and what to do."


class ModelControl:
    """Each method takes the owner who asks. Raises BadInput for any other than the local one.

    A model is named as ``find_source`` takes it.
    """

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._task = DownloadTask(self._use_downloaded)
        self._task.restore()

    @property
    def answering(self) -> str:
        """The model that answers, as the list of models names it."""
        try:
            return describe_model(self._supervisor.model).key
        except BadInput:
            # The twin says what is wrong with it.
            return self._supervisor.model

    def use(self, owner: str, model: str) -> None:
        """Let a model answer that is on this computer. Raises BadInput, also if there is no memory for it now."""
        _require_local_owner(owner)
        described = describe_model(model)
        if not described.is_here:
            raise BadInput(
                "This model is not on this computer.", advice="Choose another one, or download it."
            )
        if described.key != self._supervisor.model:
            require_free_memory(described)
        self._supervisor.switch_to(described.key)

    def check_named(self, owner: str, model: str) -> None:
        """Raise BadInput if the owner's path or address names nothing that could be used or downloaded."""
        _require_local_owner(owner)
        described = describe_model(model)
        if not described.is_here and described.source is None:
            raise BadInput(f"There is no file {described.key}.", advice="Write the whole path.")

    def fetch_sizes(self, owner: str, model: str) -> tuple[RemoteModel, ...]:
        """Ask the hub for the larger files of a model of the catalogue. Raises a PaddockError."""
        _require_local_owner(owner)
        source = find_source(model)
        if not isinstance(source, RemoteModel) or source.address:
            raise BadInput("This model has no other sizes.")
        return fetch_sizes(source, hub_from_environment())

    def download(self, owner: str, model: str, *, accepts_licence: bool = False) -> None:
        """Download a model, and let it answer. Raises BadInput and DownloadFailed before anything is sent."""
        _require_local_owner(owner)
        source = find_source(model)
        if not isinstance(source, RemoteModel):
            raise BadInput("This model needs no download.", advice="Use it as it is.")
        licence = source.licence
        try:
            if licence is not None and accepts_licence:
                licence.accept()
            require_room(source)
        except OSError as error:
            raise BadInput(f"The data folder cannot be used: {error.strerror or error}.") from None
        if licence is not None and not licence.is_accepted():
            raise BadInput(
                f"The {licence.name} has to be accepted first.",
                advice="Without it, nothing is downloaded. The practice model needs no acceptance.",
            )
        self._task.begin(source)

    def download_status(self, owner: str) -> DownloadStatus | None:
        """Return how far the download is, None if there is none or for anybody but the local owner."""
        return self._task.status if owner == LOCAL_OWNER else None

    def describe(self, owner: str) -> str:
        """Return what is being done with the models, in a line for the local owner, "" for anybody else."""
        if owner != LOCAL_OWNER:
            return ""
        if (status := self._task.status) is not None:
            return status.describe() + (f" {_MORE}" if status.problem else "")
        if next_model := self._supervisor.next_model:
            with suppress(PaddockError):
                return f"Starting {describe_model(next_model).name} …"
        problem = self._supervisor.problem
        # Without any model, the page itself says what is wrong.
        if problem is not None and not isinstance(self._supervisor.state, Failed):
            return f"The other model could not start. {_MORE}"
        return ""

    def dismiss_problem(self, owner: str) -> None:
        """Stop reporting that the model that was chosen last could not start."""
        _require_local_owner(owner)
        self._supervisor.forget_problem()

    def pause(self, owner: str) -> None:
        """Pause the download."""
        _require_local_owner(owner)
        self._task.pause()

    def resume(self, owner: str) -> None:
        """Continue the download that is paused or has failed."""
        _require_local_owner(owner)
        self._task.resume()

    def cancel(self, owner: str, *, keeps: bool) -> None:
        """End the download. ``keeps``: what has come stays for another time. Raises BadInput."""
        _require_local_owner(owner)
        try:
            self._task.cancel(keeps=keeps)
        except OSError as error:
            raise BadInput(f"What has come cannot be removed: {error.strerror or error}.") from None

    def remove(self, owner: str, model: str) -> None:
        """Remove a downloaded model, or what has come of it. Raises BadInput, also for the one that answers."""
        _require_local_owner(owner)
        described = describe_model(model)
        if described.key in (self.answering, self._supervisor.next_model):
            raise BadInput(
                "This model answers now.", advice="Use another one first, such as the practice model."
            )
        if not described.id:
            raise BadInput(
                "Paddock has not downloaded this model, so it does not remove it.",
                advice="Delete the file yourself.",
            )
        try:
            remove_model(described.id)
        except OSError as error:
            raise BadInput(f"The model cannot be removed: {error.strerror or error}.") from None

    def close(self) -> None:
        """Stop the download, which continues when the server starts again, and end the twins."""
        self._task.close()
        self._supervisor.close()

    def _use_downloaded(self, model: RemoteModel) -> None:
        record = find_record(model.id)
        if record is None:
            return
        # An address is not given to the twin: it could hold a password.
        key = str(record.path) if model.address else model.id
        try:
            require_free_memory(describe_model(key))
        except BadInput as error:
            # It is downloaded, and can be used once there is memory.
            self._supervisor.report_problem(Failed(error.message, error.advice))
        else:
            self._supervisor.switch_to(key)


def _require_local_owner(owner: str) -> None:
    if owner != LOCAL_OWNER:
        raise BadInput("Only somebody at the computer that Paddock runs on can change its models.")

"""What the local owner does with the models of this computer. Anybody else is refused, whatever their page shows."""

from __future__ import annotations

from lib.errors import BadInput
from lib.local_models.model_choice import is_on_this_computer
from lib.supervisor import Supervisor
from lib.ui.shell.visitor_cookie import LOCAL_OWNER


class ModelControl:
    """Each method takes the owner who asks. Raises BadInput for any other than the local one."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    def use(self, owner: str, model: str) -> None:
        """Let a model answer that is on this computer: an id of the catalogue, or a path. Raises BadInput."""
        _require_local_owner(owner)
        if not is_on_this_computer(model):
            raise BadInput("This model is no longer on this computer.", advice="Choose another one.")
        self._supervisor.switch_to(model)


def _require_local_owner(owner: str) -> None:
    if owner != LOCAL_OWNER:
        raise BadInput("Only somebody at the computer that Paddock runs on can change its models.")

"""The work of a process that does what Paddock's server does with models, without its page.

Its reports are what a page would show: a download that has failed, and the answer of the model.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lib.api.client import WorkersAI
from lib.chat.chat_session import ChatSession
from lib.chat.conversation import Conversation
from lib.local_models import listed_models, model_source, requirements
from lib.local_models.supervised_twin import Ready
from lib.local_models.supervisor import Supervisor
from lib.model.model_record import default_model
from lib.ui.shell.model_control import ModelControl
from lib.ui.shell.visitor_cookie import LOCAL_OWNER
from tests.killable_process import Report

INTERVAL = 0.01  # seconds between two looks


def serve_models(
    report: Report, environment: Mapping[str, str], facts: Mapping[str, Any], downloads: bool, practises: bool
) -> None:
    """Begin the download of the catalogue's model, or go on with it, until the model has answered.

    ``facts`` replace those of the model. With ``downloads``, the button is clicked and the licence is accepted. With
    ``practises``, the practice model answers meanwhile. A download that has failed is begun again, as the page offers
    it.
    """
    os.environ.update(environment)
    for name in ("HF_TOKEN", "PADDOCK_MODEL"):
        os.environ.pop(name, None)
    model = replace(model_source.CATALOGUE[0], **facts)
    for module in (model_source, listed_models, requirements):
        module.CATALOGUE = (model,)  # type: ignore[attr-defined]
    supervisor = Supervisor()
    models = ModelControl(supervisor)
    if practises:
        supervisor.start()
    if downloads:
        models.download(LOCAL_OWNER, model.id, accepts_licence=True)
    try:
        while True:
            status, state = models.download_status(LOCAL_OWNER), supervisor.state
            if status is not None and status.problem is not None:
                here = [listed.key for listed in listed_models.list_models() if listed.is_here]
                report("failed", (status.problem.message, status.done, here))
                models.resume(LOCAL_OWNER)
            elif supervisor.problem is not None:
                report("not started", supervisor.problem.reason)
                return
            elif isinstance(state, Ready) and supervisor.model == model.id:
                report("answers", (state.backend.label, ask(state)))
                return
            time.sleep(INTERVAL)
    finally:
        models.close()


def ask(ready: Ready) -> str:
    """Return the model's answer in a new chat."""
    chat = ChatSession(WorkersAI(), default_model(), Conversation())
    chat.send("Hello", ready.backend)
    _, live = chat.snapshot()
    if live is not None:
        live.run.join(60)
    return chat.conversation.path()[-1].content

"""The page that bench/experiment.py watches, with one more endpoint that starts a run."""

from __future__ import annotations

import os
import time

import streamlit as st
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from lib.api.backend import backend_from_environment
from lib.ui.shell.front_door import build_front_door
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import LOCAL_OWNER


def start_run(request: Request) -> JSONResponse:
    """Start the run of that id, wait for its end, and return its time."""
    run = registry().find_experiment_run(LOCAL_OWNER, request.query_params["run"])
    backend = backend_from_environment(os.environ)
    if run is None or backend is None:
        return JSONResponse({}, 404)
    begun, cpu = time.perf_counter(), time.process_time()
    run.start(backend)
    run.join()
    progress = run.progress()
    return JSONResponse(
        {
            "state": progress.state.value,
            "answered": progress.answered,
            "seconds": time.perf_counter() - begun,
            "cpu": time.process_time() - cpu,
        }
    )


app = st.App(
    "../lib/ui/shell/navigation.py",
    routes=[Route("/bench/start", start_run)],
)
app = build_front_door(app)

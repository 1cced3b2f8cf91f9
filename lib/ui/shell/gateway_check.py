"""The check of the AI Gateway that the server was started with: nobody enters its token into the dialog."""

from __future__ import annotations

import threading
from collections.abc import Callable

from lib.api.backend import GATEWAY_TOKEN_NAMES, Backend
from lib.errors import AccountRefused, CredentialsRefused, GatewayTokenRefused, PaddockError

# The page that starts the check waits for it so long; Cloudflare answers in a part of a second.
_WAIT_SECONDS = 2.0
_ADVICE = (
    "Who runs this Paddock creates an authentication token in the gateway's settings in Cloudflare's dashboard, sets "
    f"it as {GATEWAY_TOKEN_NAMES[0]}, and starts Paddock again."
)


class GatewayCheck:
    """Asks once for each gateway and its token, in a thread. ``check`` costs nothing and raises a PaddockError."""

    def __init__(self, check: Callable[[Backend], None]) -> None:
        self._check = check
        self._lock = threading.Lock()
        self._checked: Backend | None = None
        self._problem: PaddockError | None = None

    def find_problem(self, backend: Backend) -> PaddockError | None:
        """Return the refusal, None if the gateway lets requests pass or if that is not known yet."""
        if backend.gateway is None:
            return None
        with self._lock:
            if is_new := backend != self._checked:
                self._checked, self._problem = backend, None
        if is_new:
            thread = threading.Thread(
                target=self._run, args=(backend,), name="paddock-gateway-check", daemon=True
            )
            thread.start()
            thread.join(_WAIT_SECONDS)
        with self._lock:
            return self._problem if backend == self._checked else None

    def _run(self, backend: Backend) -> None:
        try:
            self._check(backend)
        except GatewayTokenRefused as error:
            # The dialog's advice is to connect again.
            self._keep(backend, GatewayTokenRefused(error.message, advice=_ADVICE, code=error.code))
        except (CredentialsRefused, AccountRefused) as error:
            self._keep(backend, error)
        except PaddockError:
            # Cloudflare cannot be reached or is busy, which says nothing of the token.
            return

    def _keep(self, backend: Backend, problem: PaddockError) -> None:
        with self._lock:
            if backend == self._checked:
                self._problem = problem

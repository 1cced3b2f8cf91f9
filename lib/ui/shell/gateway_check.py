"""The check of the AI Gateway that the server was started with: nobody enters its token into the dialog."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from lib.api.backend import GATEWAY_TOKEN_NAMES, Backend
from lib.errors import AccountRefused, CredentialsRefused, GatewayTokenRefused, PaddockError

# The page that starts the check waits for it so long; Cloudflare answers in a part of a second.
_WAIT_SECONDS = 2.0
# Seconds until a gateway that did not let the request pass is asked again.
_RETRY_SECONDS = 30.0
_ADVICE = (
    "Who runs this Paddock creates an authentication token in the gateway's settings in Cloudflare's dashboard, sets "
    f"it as {GATEWAY_TOKEN_NAMES[0]}, and starts Paddock again."
)


class GatewayCheck:
    """Asks for each gateway and its token, in a thread, until one request may pass.

    ``check`` costs nothing and raises a PaddockError. After a refusal, or if Cloudflare cannot be reached, a later
    page asks again: the owner may have changed the token's permissions, or the gateway, in Cloudflare's dashboard.
    """

    def __init__(self, check: Callable[[Backend], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._check, self._clock = check, clock
        self._lock = threading.Lock()
        self._checked: Backend | None = None
        self._problem: PaddockError | None = None
        # When the next check is due; None if the gateway lets requests pass.
        self._next_check: float | None = None

    def find_problem(self, backend: Backend) -> PaddockError | None:
        """Return the refusal, None if the gateway lets requests pass or if that is not known yet."""
        if backend.gateway is None:
            return None
        now = self._clock()
        with self._lock:
            is_new = backend != self._checked
            if is_new:
                self._checked, self._problem = backend, None
            is_due = is_new or (self._next_check is not None and now >= self._next_check)
            # While Cloudflare cannot be reached, no page waits again for nothing.
            waits = is_new or self._problem is not None
            if is_due:
                self._next_check = now + _RETRY_SECONDS
        if is_due:
            thread = threading.Thread(
                target=self._run, args=(backend,), name="paddock-gateway-check", daemon=True
            )
            thread.start()
            if waits:
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
        else:
            self._keep(backend, None)

    def _keep(self, backend: Backend, problem: PaddockError | None) -> None:
        with self._lock:
            if backend == self._checked:
                self._problem = problem
                if problem is None:
                    self._next_check = None

"""The check of the server's AI Gateway: a refusal is shown for as long as it is true."""

from __future__ import annotations

import pytest

from lib.api.backend import Backend, cloudflare_backend
from lib.errors import CredentialsRefused, PaddockError, Unreachable
from lib.ui.shell.gateway_check import GatewayCheck
from tests.clock import Clock
from tests.waiting import wait_until

BACKEND = cloudflare_backend("0" * 32, "token_" + "t" * 34, gateway="my-gateway")


class Cloudflare:
    """Counts the checks, and raises the ``error`` if there is one."""

    def __init__(self, error: PaddockError | None) -> None:
        self.error, self.checks = error, 0

    def check(self, backend: Backend) -> None:
        self.checks += 1
        if self.error is not None:
            raise self.error


REFUSED = CredentialsRefused("Authentication error", advice="Use another token.", code=10000)
UNREACHABLE = Unreachable("No network.", advice="Check it.")


def test_a_refusal_goes_once_the_owner_has_repaired_it_at_cloudflare() -> None:
    """A token's permissions change without a new token, so nobody has to start the server again."""
    cloudflare, clock = Cloudflare(REFUSED), Clock()
    gateway_check = GatewayCheck(cloudflare.check, clock)
    assert gateway_check.find_problem(BACKEND) is REFUSED
    cloudflare.error = None
    assert gateway_check.find_problem(BACKEND) is REFUSED, "not asked for each page"
    clock.now += 60
    assert gateway_check.find_problem(BACKEND) is None
    clock.now += 10_000
    assert gateway_check.find_problem(BACKEND) is None
    assert cloudflare.checks == 2


@pytest.mark.parametrize("later", [REFUSED, None])
def test_a_gateway_that_could_not_be_asked_is_asked_later(later: PaddockError | None) -> None:
    cloudflare, clock = Cloudflare(UNREACHABLE), Clock()
    gateway_check = GatewayCheck(cloudflare.check, clock)
    assert gateway_check.find_problem(BACKEND) is None
    cloudflare.error = later
    clock.now += 60
    gateway_check.find_problem(BACKEND)
    wait_until(lambda: cloudflare.checks == 2)
    wait_until(lambda: gateway_check.find_problem(BACKEND) is later)
    assert cloudflare.checks == 2


def test_a_refusal_stays_while_cloudflare_cannot_be_reached() -> None:
    cloudflare, clock = Cloudflare(REFUSED), Clock()
    gateway_check = GatewayCheck(cloudflare.check, clock)
    gateway_check.find_problem(BACKEND)
    cloudflare.error = UNREACHABLE
    clock.now += 60
    assert gateway_check.find_problem(BACKEND) is REFUSED

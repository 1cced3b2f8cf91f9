"""The budget under any interleaving: counted, uncertain and reserved cost together never exceed it."""

from __future__ import annotations

import random
import threading
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from lib.experiment.plan import Limits
from lib.model.model_record import default_model
from lib.runner.budget import Budget, Spending

PRICE = default_model().price
never = lambda: False  # noqa: E731


@settings(max_examples=100, deadline=None)
@given(
    dollars=st.integers(0, 50),
    requests=st.integers(0, 20),
    seed=st.integers(0, 10**6),
    steps=st.integers(1, 80),
)
def test_never_beyond(dollars: int, requests: int, seed: int, steps: int) -> None:
    chance = random.Random(seed)
    budget = Budget(Limits(dollars=Decimal(dollars), requests=requests), PRICE)
    open: list[Decimal] = []
    sent = 0
    for _ in range(steps):
        if open and chance.random() < 0.5:
            most = open.pop(chance.randrange(len(open)))
            if chance.random() < 0.2:
                budget.settle(most, sent=False)
                continue
            cost = most * chance.randint(0, 4) / 4
            uncertain = most - cost if chance.random() < 0.3 else Decimal(0)
            budget.settle(most, cost=cost, uncertain=uncertain)
            sent += 1
        else:
            most = Decimal(chance.randint(0, 12))
            if budget.reserve(most, never, wait=False):
                open.append(most)
        spent = budget.spending
        assert spent.max_dollars <= dollars
        assert spent.requests <= requests
        assert spent.requests == sent + len(open)
    for most in open:
        budget.settle(most, sent=False)
    assert budget.spending.reserved == 0
    assert budget.spending.requests == sent


def test_many_at_once_use_all_of_it_and_no_more() -> None:
    budget = Budget(Limits(dollars=Decimal("10"), requests=None), PRICE)
    refused = threading.Semaphore(0)
    paid: list[Decimal] = []

    def work(seed: int) -> None:
        chance = random.Random(seed)
        while budget.reserve(Decimal("0.3"), never):
            cost = Decimal(chance.randint(0, 30)) / 100
            paid.append(cost)
            budget.settle(Decimal("0.3"), cost=cost)
        refused.release()

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert sum(paid) == budget.spending.dollars <= 10
    assert budget.spending.dollars > Decimal("9.6"), "who does not fit waits for those who may yet make room"


def test_more_of_it_lets_go_on_and_an_end_is_heeded() -> None:
    budget = Budget(Limits(requests=1), PRICE, Spending(requests=1))
    assert not budget.reserve(Decimal(0), never)
    budget.set_limits(Limits(requests=2))
    assert not budget.reserve(Decimal(0), lambda: True)
    assert budget.reserve(Decimal(0), never)
    assert not Budget(Limits(dollars=Decimal(0)), PRICE).reserve(Decimal("0.000001"), never)


def test_a_million_output_tokens_must_fit_as_neurons_too() -> None:
    listed = Decimal("0.2")  # billed: 18,252 neurons, $0.200772
    assert not Budget(Limits(dollars=Decimal("0.2007")), PRICE).reserve(listed, never)
    assert Budget(Limits(dollars=Decimal("0.2008")), PRICE).reserve(listed, never)

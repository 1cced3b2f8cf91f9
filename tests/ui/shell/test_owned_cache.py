"""The cache of the process's objects: what goes when it is full, and what stays."""

from __future__ import annotations

from lib.ui.shell.owned_cache import OwnedCache


def test_the_oldest_that_may_go_makes_room_and_what_is_busy_stays() -> None:
    busy = {"first"}
    cache: OwnedCache[str] = OwnedCache(2, lambda _, value: value not in busy)
    for value in ("first", "second", "third"):
        cache.add("ann", value, value)
    assert cache.entries() == [("ann", "first"), ("ann", "third")]
    busy.add("third")
    cache.add("ann", "fourth", "fourth")
    assert [value for _, value in cache.entries()] == ["first", "third", "fourth"]
    busy.clear()
    cache.add("ann", "fifth", "fifth")
    assert [value for _, value in cache.entries()] == ["fourth", "fifth"]


def test_the_one_that_is_there_already_stays_with_its_owner() -> None:
    cache: OwnedCache[list[str]] = OwnedCache(2, lambda _, __: True)
    there = cache.add("ann", "id", ["hers"])
    assert cache.add("bob", "id", ["his"]) is there
    assert cache.get("ann", "id") == ["hers"]
    assert cache.get("bob", "id") is None
    assert cache.pop("id") is there
    assert cache.get("ann", "id") is None
    assert cache.pop("id") is None


def test_objects_that_may_go_are_asked_for_without_the_lock() -> None:
    """A comparison holds its own lock while it changes, and then asks for the cache."""
    asked: list[int] = []

    def may_go(_: str, __: str) -> bool:
        asked.append(len(cache.entries()))
        return True

    cache: OwnedCache[str] = OwnedCache(1, may_go)
    cache.add("ann", "first", "first")
    cache.add("ann", "second", "second")
    assert asked == [2]
    assert [value for _, value in cache.entries()] == ["second"]

"""What is kept under a name: presets, and schemas for JSON mode."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from lib.errors import StorageFailed
from lib.store import Preset, SavedSchema, Store
from tests.store.trees import texts


def test_presets(store: Store) -> None:
    body = {"settings": [1, 2.5, None, "\ud800 ü"], "system": "Be kind."}
    kind, curt = Preset("1", "Kind", body, True), Preset("2", "Curt\x00", {})
    for preset in (kind, curt):
        store.put_preset("ann", preset)
    assert store.presets("ann") == (kind, curt)
    store.put_preset("ann", replace(curt, is_start=True, body=[1]))
    assert store.presets("ann") == (replace(kind, is_start=False), replace(curt, is_start=True, body=[1]))
    with pytest.raises(StorageFailed, match="preset belongs to somebody else"):
        store.put_preset("bob", replace(kind, name="Mine"))
    assert not store.remove_preset("bob", "1")
    assert store.presets("bob") == ()
    assert store.remove_preset("ann", "1")
    assert not store.remove_preset("ann", "1")
    assert [preset.name for preset in store.presets("ann")] == ["Curt\x00"]


def test_schemas(store: Store) -> None:
    person = SavedSchema("1", "Person", '{"type": "object",\n  "properties": {}}')
    odd = SavedSchema("2", "Odd\x00\ud800", "{ \x00\ud800 broken")
    for one in (person, odd):
        store.put_schema("ann", one)
    assert store.schemas("ann") == (person, odd)
    store.put_schema("ann", replace(person, name="Somebody", body="true"))
    assert store.schemas("ann") == (replace(person, name="Somebody", body="true"), odd)
    with pytest.raises(StorageFailed, match="schema belongs to somebody else"):
        store.put_schema("bob", replace(person, name="Mine"))
    assert not store.remove_schema("bob", "1")
    assert store.schemas("bob") == ()
    assert store.remove_schema("ann", "1")
    assert not store.remove_schema("ann", "1")
    assert store.schemas("ann") == (odd,)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(name=texts, body=texts)
def test_any_text_comes_back_as_it_was(store: Store, name: str, body: str) -> None:
    store.put_schema("eve", SavedSchema("any", name, body))
    assert store.schemas("eve") == (SavedSchema("any", name, body),)

"""Presets, schemas for JSON mode, and comparisons."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from lib.errors import StorageFailed
from lib.store.store import Store
from lib.store.stored_values import SavedComparison, SavedPreset, SavedSchema
from tests.store.conversation_trees import SETTINGS, make_conversation, texts


def test_presets(store: Store) -> None:
    body = {"settings": [1, 2.5, None, "\ud800 ü"], "system": "Be kind."}
    kind, curt = SavedPreset("1", "Kind", body, True), SavedPreset("2", "Curt\x00", {})
    for preset in (kind, curt):
        store.presets.save("ann", preset)
    assert store.presets.load_all("ann") == (kind, curt)
    store.presets.save("ann", replace(curt, is_start=True, body=[1]), curt)
    assert store.presets.load_all("ann") == (
        replace(kind, is_start=False),
        replace(curt, is_start=True, body=[1]),
    )
    with pytest.raises(StorageFailed, match="preset belongs to somebody else"):
        store.presets.save("bob", replace(kind, name="Mine"))
    assert not store.presets.remove("bob", "1")
    assert store.presets.load_all("bob") == ()
    assert store.presets.remove("ann", "1")
    assert not store.presets.remove("ann", "1")
    assert [preset.name for preset in store.presets.load_all("ann")] == ["Curt\x00"]


def test_schemas(store: Store) -> None:
    person = SavedSchema("1", "Person", '{"type": "object",\n  "properties": {}}')
    odd = SavedSchema("2", "Odd\x00\ud800", "{ \x00\ud800 broken")
    for one in (person, odd):
        store.schemas.save("ann", one)
    assert store.schemas.load_all("ann") == (person, odd)
    store.schemas.save("ann", replace(person, name="Somebody", body="true"), person)
    assert store.schemas.load_all("ann") == (replace(person, name="Somebody", body="true"), odd)
    with pytest.raises(StorageFailed, match="schema belongs to somebody else"):
        store.schemas.save("bob", replace(person, name="Mine"))
    assert not store.schemas.remove("bob", "1")
    assert store.schemas.load_all("bob") == ()
    assert store.schemas.remove("ann", "1")
    assert not store.schemas.remove("ann", "1")
    assert store.schemas.load_all("ann") == (odd,)


def test_the_columns_of_a_comparison_stand_in_no_list(store: Store) -> None:
    ours, alone = make_conversation("In a column"), make_conversation("Alone")
    saved = SavedComparison("1", "In a column\x00", {"rounds": ["\ud800"]}, (ours.id, "not written yet"))
    store.comparisons.save("ann", saved)
    for conversation in (ours, alone):
        store.conversations.save("ann", conversation, SETTINGS)
    found = store.comparisons.load("ann", "1")
    assert found is not None
    assert (found.title, found.body, set(found.column_ids)) == (
        saved.title,
        saved.body,
        set(saved.column_ids),
    )
    assert store.comparisons.load("bob", "1") is None
    assert [entry.id for entry in store.conversations.entries("ann")] == [alone.id]
    assert store.conversations.load("ann", ours.id) is not None
    with pytest.raises(StorageFailed, match="comparison belongs to somebody else"):
        store.comparisons.save("bob", saved)
    store.comparisons.save("ann", replace(saved, id="2", title="Newer", column_ids=()))
    store.comparisons.save("ann", replace(saved, column_ids=("another",)))  # the column was removed
    assert {entry.id for entry in store.conversations.entries("ann")} == {alone.id, ours.id}
    assert {one.id for one in store.comparisons.newest("ann")} == {"1", "2"}
    store.comparisons.save("ann", saved)
    assert not store.comparisons.remove("bob", "1")
    assert store.comparisons.remove("ann", "1")
    assert [one.id for one in store.comparisons.newest("ann")] == ["2"]
    assert [entry.id for entry in store.conversations.entries("ann", deleted=True)] == [ours.id]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(name=texts, body=texts)
def test_any_text_comes_back_as_it_was(store: Store, name: str, body: str) -> None:
    schema = SavedSchema("any", name, body)
    store.schemas.save("eve", schema)
    assert store.schemas.load_all("eve") == (schema,)
    assert store.schemas.delete("eve", schema)

"""Backups in the Files menu: the local owner alone restores them, and nothing is lost without a word."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.api.backend import cloudflare_backend
from lib.chat.answer import Ending
from lib.errors import BadInput
from lib.store.backup import Backup, BackupReason
from lib.ui.experiment.experiment_draft import ExperimentDrafts, empty_plan
from lib.ui.history import backup_menu
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import LOCAL_OWNER
from tests.page.upstream import ACCOUNT, TOKEN, StreamReply, Upstream
from tests.ui.app_test_page import WHOLE_APP, AppTestPage
from tests.ui.history.test_history_page import page, titles  # noqa: F401 (a fixture)
from tests.waiting import wait_until

VISITOR = "visitor:somebody"
pytestmark = pytest.mark.usefixtures("upstream", "no_backups")


@pytest.fixture
def no_backups() -> Iterator[None]:
    """No backups, before and after."""

    def clear() -> None:
        backups = registry().store.database.backups
        assert backups is not None
        for made in backups.entries():
            made.file.unlink()

    clear()
    yield
    clear()


def make_backup() -> Backup:
    registry().autosave.save()
    backups = registry().store.database.backups
    assert backups is not None
    return backups.make(BackupReason.DAILY)


def restore(page: AppTestPage, made: Backup) -> AppTestPage:  # noqa: F811
    page.go_to("history").choose(backup_menu.BACKUP_KEY, made.file.name)
    return page.choose(backup_menu.CONFIRM_KEY, True).click(backup_menu.RESTORE_KEY)


def test_pages_show_the_restored_state(page: AppTestPage) -> None:  # noqa: F811
    page.send("First")
    made = make_backup()
    page.send("More")
    AppTestPage(path=WHOLE_APP).send("Second")
    chat = page.test.query_params["c"]
    page.go_to("history")
    assert titles(page) == ["Second", "First"]
    assert page.by_key(backup_menu.RESTORE_KEY).disabled, "it is not confirmed"
    restore(page, made)
    assert titles(page) == ["First"]
    assert any("Restored" in text for text in page.texts())
    assert not page.by_key(backup_menu.CONFIRM_KEY).value
    other = AppTestPage(path=WHOLE_APP).go_to("chat", c=str(chat[0] if isinstance(chat, list) else chat))
    assert other.first_texts() == ["First", "A short answer."]
    backups = registry().store.database.backups
    assert backups is not None
    assert backups.entries()[0].reason is BackupReason.BEFORE_RESTORE
    restore(page, backups.entries()[0])
    assert titles(page) == ["Second", "First"]


def test_an_open_experiment_is_read_again() -> None:
    drafts = ExperimentDrafts()
    draft = drafts.new(LOCAL_OWNER, "Before", empty_plan())
    unsaved = drafts.new(LOCAL_OWNER, "Not saved yet")
    made = make_backup()
    draft.rename("After")
    registry().restore_backup(LOCAL_OWNER, made.file.name)
    reread = drafts.find(LOCAL_OWNER, draft.id)
    assert reread is draft, "open pages hold it"
    assert draft.name == "Before"
    assert drafts.find(LOCAL_OWNER, unsaved.id) is unsaved


def test_a_visitor_cannot_restore(page: AppTestPage, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    page.send("First")
    made = make_backup()
    page.send("More").go_to("history")
    page.choose(backup_menu.CONFIRM_KEY, True)
    with monkeypatch.context() as patch:
        # The page was drawn for the local owner; the click comes from a visitor.
        patch.setattr(backup_menu, "current_owner", lambda: VISITOR)
        page.click(backup_menu.RESTORE_KEY)
        assert "Only somebody at the computer" in page.errors()[0]
        patch.setattr("lib.ui.history.import_export.current_owner", lambda: VISITOR)
        assert not AppTestPage(path=WHOLE_APP).go_to("history").has_key(backup_menu.BACKUP_KEY)
    with pytest.raises(BadInput):
        registry().restore_backup(VISITOR, made.file.name)
    assert registry().store.conversations.entries(LOCAL_OWNER)[0].message_count == 4


@pytest.mark.parametrize("name", ["", "../paddock.sqlite3", "/etc/passwd"])
def test_only_backups_are_restored(name: str) -> None:
    with pytest.raises(BadInput, match="no longer exists"):
        registry().restore_backup(LOCAL_OWNER, name)


def test_nothing_is_restored_under_a_running_answer(page: AppTestPage, upstream: Upstream) -> None:  # noqa: F811
    page.send("First")
    made = make_backup()
    upstream.plan_replies(StreamReply(endless=True, rate=100))
    chat = registry().new_chat(LOCAL_OWNER)
    environment = upstream.environment()
    chat.send("Count", cloudflare_backend(ACCOUNT, TOKEN, environment["CLOUDFLARE_BASE_URL"]))
    try:
        restore(page, made)
        assert "is running" in page.errors()[0]
    finally:
        chat.stop()


def test_an_answer_that_ran_when_the_backup_was_made_is_cut_off(upstream: Upstream) -> None:
    upstream.plan_replies(StreamReply(endless=True, rate=100))
    chat = registry().new_chat(LOCAL_OWNER)
    chat.send("Count", cloudflare_backend(ACCOUNT, TOKEN, upstream.environment()["CLOUDFLARE_BASE_URL"]))
    try:
        wait_until(lambda: bool((live := chat.snapshot()[1]) and live.run.text))
        made = make_backup()
    finally:
        chat.stop()
    wait_until(lambda: chat.snapshot()[1] is None)
    registry().restore_backup(LOCAL_OWNER, made.file.name)
    restored = registry().find_chat(LOCAL_OWNER, chat.id)
    assert restored is not None
    assert restored.conversation.path()[-1].answers[-1].ending is Ending.CUT_OFF
    with registry().store.database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM lease").scalar() == 0, (
            "nothing holds it any more"
        )
        unfinished = "SELECT count(*) FROM answer WHERE ending IS NULL"
        assert connection.exec_driver_sql(unfinished).scalar() == 0


def test_a_damaged_database_is_restored_with_what_is_in_memory(page: AppTestPage) -> None:  # noqa: F811
    """Paddock works on in memory, names the backup, and saves what is in memory into the restored database."""
    page.send("First")
    made = make_backup()
    page.send("Second")
    registry().autosave.save()
    database = registry().store.database
    file = Path(database.name)
    database.close()
    os.truncate(file, file.stat().st_size // 2)
    other = AppTestPage(path=WHOLE_APP).send("Third")
    assert other.first_texts()[-1] == "A short answer."
    assert not registry().autosave.save()
    assert f"The newest usable backup is {made.file}" in " ".join(other.run().errors())
    restore(page, made)
    assert registry().autosave.save()
    page.run()
    assert titles(page) == ["Third", "First"]
    assert registry().store.conversations.entries(LOCAL_OWNER)[1].message_count == 4, "“Second” was in memory"

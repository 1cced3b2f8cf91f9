"""The menu of one message, and the boxes in which it is edited, copied or followed by another."""

from __future__ import annotations

from enum import StrEnum

import streamlit as st

from lib.chat.conversation import Message
from lib.ui.chat import replay_view, request_and_reply
from lib.ui.chat.chat_tab import ChatTab
from lib.ui.model import chosen_word, next_token
from lib.ui.widgets.take_focus import take_focus

_OPEN = "handled"  # in the session's state: (message id, action) whose box is open
ROLES = {"user": "You", "assistant": "The model", "system": "System prompt", "tool": "A tool"}


class MessageAction(StrEnum):
    """The entries of a message's menu, with their labels."""

    EDIT = "Edit"
    COPY = "Copy"
    WHY = "Why this word?"
    INSERT = "Add a message below"
    BRANCH = "Copy to a new chat"
    DELETE = "Delete"
    CODE = "Code"
    REPLAY = "Replay"
    REQUEST_AND_REPLY = "Request and reply"
    SEND_AGAIN = "Ask again with the same settings"
    LOAD = "Use these settings"


# Only a message that was requested, and not typed or imported, has these.
_WITH_REQUEST = (
    MessageAction.CODE,
    MessageAction.REPLAY,
    MessageAction.REQUEST_AND_REPLY,
    MessageAction.SEND_AGAIN,
    MessageAction.LOAD,
)


def draw_message_menu(tab: ChatTab, message: Message) -> None:
    """Draw the menu, and for a user's message the button that edits it."""
    # Another tab may have changed the conversation since this path was read.
    ids = [other.id for other in tab.chat.conversation.path()]
    number = ids.index(message.id) + 1 if message.id in ids else len(ids)
    if message.role == "user":
        st.button(
            f"Edit message {number}",
            key=f"edit-now-{message.id}",
            icon=":material/edit:",
            type="tertiary",
            on_click=_open_box,
            args=(message, MessageAction.EDIT),
            help="Change this message and ask again; the old one stays as another version",
        )
    st.menu_button(
        f"Actions for message {number}",
        [action for action in MessageAction if _is_offered(tab, message, action)],
        key=f"menu-{message.id}",
        icon=":material/more_horiz:",
        type="tertiary",
        help="Edit, copy or delete this message, and more",
        on_click=_do_action,
        args=(tab, message),
    )


def _is_offered(tab: ChatTab, message: Message, action: MessageAction) -> bool:
    if action is MessageAction.WHY:
        return tab.has_words(message)
    return bool(message.answers) or action not in _WITH_REQUEST


def draw_edit_shortcut(tab: ChatTab) -> None:
    """Draw the button that edits the user's last message. It is seen only while it has the focus."""
    with st.container(key="keyboard-only"):
        mine = [message for message in tab.chat.conversation.path() if message.role == "user"]
        if mine:
            st.button(
                "Edit my last message",
                key="keyboard-edit",
                shortcut="Alt+E",
                on_click=_open_box,
                args=(mine[-1], MessageAction.EDIT),
            )
        else:
            st.empty()


def is_being_edited(message: Message) -> bool:
    """Return True if the message is edited in a box, which replaces its text."""
    return st.session_state.get(_OPEN) == (message.id, MessageAction.EDIT)


def _do_action(tab: ChatTab, message: Message) -> None:
    match st.session_state[f"menu-{message.id}"]:
        case MessageAction.BRANCH:
            tab.branch(message)
        case MessageAction.DELETE:
            tab.delete(message)
        case MessageAction.REPLAY:
            replay_view.start_replay(tab, message)
        case MessageAction.WHY:
            if (answer := tab.words(message)) is not None:
                next_token.load_parameters(tab.chat.model, answer.request.parameters)
                chosen_word.explain_answer(tab.chat.id, answer)
        case MessageAction.SEND_AGAIN:
            tab.send_again(message)
        case MessageAction.LOAD:
            tab.load_request(message)
        case action:
            _open_box(message, action)


def _open_box(message: Message, action: MessageAction) -> None:
    st.session_state[_OPEN] = (message.id, action)


def _close() -> None:
    st.session_state.pop(_OPEN, None)


def draw_edit_box(tab: ChatTab, message: Message) -> None:
    """Draw the box to edit a message. The old text stays as a variant."""
    key = f"edit-{message.id}"
    st.text_area("Edit the message", message.content, key=key, height="content", label_visibility="collapsed")
    take_focus(key)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        user = message.role == "user"
        st.button(
            "Save and send" if user else "Save and continue",
            key=f"resend-{message.id}",
            type="primary",
            on_click=_save,
            args=(tab, message, key, True),
        )
        st.button(
            "Save",
            key=f"save-{message.id}",
            on_click=_save,
            args=(tab, message, key, False),
            help="Changes only this text. The messages below stay as they are.",
        )
        st.button("Cancel", key=f"cancel-{message.id}", type="tertiary", on_click=_close)


def _save(tab: ChatTab, message: Message, key: str, send: bool) -> None:
    if tab.edit(message, st.session_state[key], send=send):
        _close()


def draw_opened_box(tab: ChatTab, message: Message) -> None:
    """Draw the box under the message that its menu has opened."""
    match st.session_state.get(_OPEN):
        case (message.id, MessageAction.COPY):
            with st.container(key=f"copy-{message.id}"):
                st.code(message.content, language=None, wrap_lines=True)
                st.button("Close", key=f"close-{message.id}", type="tertiary", on_click=_close)
            take_focus(f"copy-{message.id}")
        case (message.id, MessageAction.CODE):
            with st.container(border=True, key=f"code-{message.id}"):
                request_and_reply.draw_answer_code(tab, message.answers[-1], f"code-{message.id}")
                st.button("Close", key=f"close-{message.id}", type="tertiary", on_click=_close)
            take_focus(f"code-{message.id}")
        case (message.id, MessageAction.REQUEST_AND_REPLY):
            with st.container(border=True, key=f"exchange-{message.id}"):
                request_and_reply.draw_request_and_reply(tab, message)
                st.button("Close", key=f"close-{message.id}", type="tertiary", on_click=_close)
            take_focus(f"exchange-{message.id}")
        case (message.id, MessageAction.INSERT):
            with st.container(border=True):
                role, text = f"insert-role-{message.id}", f"insert-{message.id}"
                st.segmented_control(
                    "Who says it",
                    list(ROLES),
                    format_func=ROLES.__getitem__,
                    key=role,
                    default="user",
                    required=True,
                )
                st.text_area("Text", key=text, height=90)
                take_focus(text)
                with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                    st.button(
                        "Add",
                        key=f"do-insert-{message.id}",
                        type="primary",
                        on_click=_insert,
                        args=(tab, message, role, text),
                    )
                    st.button("Cancel", key=f"no-insert-{message.id}", type="tertiary", on_click=_close)


def _insert(tab: ChatTab, message: Message, role: str, text: str) -> None:
    if tab.insert_message(message, st.session_state[role], st.session_state[text]):
        _close()

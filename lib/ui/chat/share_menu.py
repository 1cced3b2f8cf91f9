"""The menu that shares a conversation: a share link to its set-up, and downloads as Markdown or JSON."""

from __future__ import annotations

from dataclasses import replace
from html import escape

import streamlit as st

from lib.chat.conversation import Conversation
from lib.errors import PaddockError
from lib.files import qr_code, share_link
from lib.files.conversation_json import ConversationFile, dump_conversation
from lib.files.markdown_export import default_title, export_markdown, make_file_name
from lib.files.share_link import Reach
from lib.jsonkit.surrogates import replace_lone_surrogates
from lib.ui.chat import prepared_box
from lib.ui.chat.chat_tab import ChatTab
from lib.ui.history.import_export import to_archived
from lib.ui.shell.account_catalogue import find_model
from lib.ui.shell.registry import registry
from lib.ui.widgets.error_box import draw_error

_STYLE = "<style>.share-qr {display: block; width: min(100%, 17rem); margin: auto}</style>"


def draw_share_menu(tab: ChatTab) -> None:
    menu = st.popover("Share", type="tertiary", icon=":material/ios_share:", key="share", on_change="rerun")
    with menu:
        conversation, _ = tab.chat.snapshot()
        first = next((message.content for message in conversation.path() if message.role == "user"), "")
        st.markdown("**A link to this set-up**")
        st.caption(
            "The link itself holds the system prompt, the settings, the first message and those that you prepare "
            "here. Nothing is uploaded."
        )
        prepared_box.draw_prepared_box(tab)
        prepared = tab.chat.prepared_messages
        setup = share_link.SharedSetup(conversation.system, tab.chat.settings, first, prepared)
        try:
            text = share_link.encode_link(setup)
        except share_link.LinkTooLong as error:
            draw_error(error)
        else:
            base = (st.context.url or "").partition("?")[0]
            reach = share_link.address_reach(base)
            _draw_reach(reach)
            link = f"{base}?{share_link.QUERY_PARAMETER}={text}"
            st.code(link, language=None, wrap_lines=True, height=110)
            # Made only while it is on display: that takes up to a tenth of a second.
            if menu.open:
                _draw_qr_code(link, reach)
        st.markdown("**The conversation as a file**")
        name = make_file_name(default_title(conversation))
        with st.container(horizontal=True, gap="small"):
            st.download_button(
                "To read (Markdown)",
                key="download-markdown",
                icon=":material/description:",
                mime="text/markdown",
                file_name=f"{name}.md",
                on_click="ignore",
                data=lambda: _markdown(tab),
                help="The messages on this page, to read",
            )
            st.download_button(
                "To open again (JSON)",
                key="download-json",
                icon=":material/data_object:",
                mime="application/json",
                file_name=f"{name}.json",
                on_click="ignore",
                data=lambda: _json(tab),
                help="Everything, with all versions and requests, to import again",
            )


def _draw_reach(reach: Reach) -> None:
    """Say who cannot open the link, and what to send them instead."""
    match reach:
        case Reach.THIS_COMPUTER:
            text = "This link opens on this computer only: Paddock runs here."
        case Reach.THIS_NETWORK:
            text = "This link opens in this network only: Paddock runs in it."
        case Reach.ANYWHERE:
            return
    st.warning(
        f"{text} For anybody else, send the JSON file below. They open it under History → Files → Import.",
        icon=":material/link_off:",
    )


def _draw_qr_code(link: str, reach: Reach) -> None:
    """Draw the link for the cameras of phones, or say why that would be of no use."""
    if reach is Reach.THIS_COMPUTER:
        st.caption("No QR code: a phone could not open this link.")
        return
    try:
        code = qr_code.draw_qr_code(link)
    except qr_code.TooLongForQrCode as error:
        st.caption(f"No QR code. {error.message} {error.advice}")
    else:
        st.html(f'<img class="share-qr" alt="QR code of the link" src="{escape(code)}">{_STYLE}')


def _markdown(tab: ChatTab) -> str:
    conversation = _current_conversation(tab)
    return replace_lone_surrogates(
        export_markdown(default_title(conversation), conversation, tab.chat.settings, find_model)
    )


def _json(tab: ChatTab) -> str:
    conversation = _current_conversation(tab)
    try:
        saved = registry().store.conversations.load(tab.owner, conversation.id)
    except PaddockError:
        # The database fails, but the conversation itself is in memory.
        saved = None
    file = ConversationFile(conversation, tab.chat.settings) if saved is None else to_archived(saved)
    return dump_conversation(replace(file, conversation=conversation, settings=tab.chat.settings))


def _current_conversation(tab: ChatTab) -> Conversation:
    """Return the conversation as it is at the click, with the text of a running answer so far."""
    conversation, live = tab.chat.snapshot()
    if live is None:
        return conversation
    message = conversation.message(live.message_id)
    return conversation.replace_message(replace(message, content=live.text_before + live.run.text))

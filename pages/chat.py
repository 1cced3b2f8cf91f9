"""Play: one conversation."""

from __future__ import annotations

import time

import streamlit as st

from lib.backend import Backend
from lib.chat import Chat
from lib.conversation import Message
from lib.errors import BadInput, PaddockError
from lib.supervisor import Failed, Fetching
from lib.ui import controls, figures, place, transcript
from lib.ui.place import Place
from lib.ui.registry import registry
from lib.ui.trouble import trouble

STARTERS = (
    (":material/lightbulb:", "Explain what a rainbow is to a child of six."),
    (":material/edit:", "Write a short, friendly email that moves a meeting from Tuesday to Thursday."),
    (":material/code:", "Write a Python function that tells whether a word is a palindrome."),
    (":material/checklist:", "Give me five ideas for a rainy weekend, as a list."),
)
CHAT, BEFORE, SIDE, INPUT, REFUSED, SYSTEM, SHOWN = (
    "chat",
    "before",
    "side",
    "prompt",
    "refused",
    "system",
    "shown",
)


def open_chat() -> Chat:
    """This tab's conversation: the one in the address, the one it had, else a new one."""
    known = registry()
    chat = known.find(st.query_params.get("c")) or known.find(st.session_state.get(CHAT)) or known.new()
    if (
        st.session_state.get(CHAT) != chat.id or SYSTEM not in st.session_state
    ):  # another page drops its widgets
        st.session_state[CHAT] = chat.id
        st.session_state[SYSTEM] = chat.conversation.system
    st.query_params["c"] = chat.id  # a reload, or another tab, finds it again
    return chat


def turn_to(id: str, before: str | None = None) -> None:
    """Open another conversation; ``before``: the one to offer a way back to."""
    st.session_state[CHAT] = st.query_params["c"] = id
    st.session_state[SYSTEM] = registry().chat(id).conversation.system
    st.session_state[BEFORE] = before
    st.session_state[SIDE] = 1 - st.session_state.get(SIDE, 0)
    st.session_state.pop(SHOWN, None)


def send(chat: Chat, backend: Backend | None, text: str | None = None) -> None:
    """Send what was typed, or that text; what cannot be sent goes back into the box."""
    typed = text is None
    text = st.session_state[INPUT] if text is None else text
    try:
        if backend is None:
            raise BadInput(
                "The twin is not ready yet.", advice="Your text is kept: send it when the twin is up."
            )
        chat.send(text, backend)
    except BadInput as error:
        st.session_state[REFUSED] = error
        if typed:
            st.session_state[INPUT] = text


def attempt(action: str, chat: Chat, *arguments: object) -> None:
    """Do what a button asks of the chat; a refusal is shown at the input."""
    try:
        getattr(chat, action)(*arguments)
    except PaddockError as error:
        st.session_state[REFUSED] = error


def raised(chat: Chat, message: Message, window: int, used: int) -> int | None:
    """Twice the limit that the answer reached, or what the context leaves; None where that is nothing."""
    cap = chat.model.output_cap
    reached = int(message.answers[-1].request.parameters.get(cap.name, cap.default or 0))
    more = min(2 * reached, window - used - 16)  # a little slack: the template needs some tokens too
    return more if more > 0 else None


def go_on(chat: Chat, message: Message, backend: Backend | None, more: int) -> None:
    cap = chat.model.output_cap.name
    if chat.settings[cap].value < more:
        chat.settings = chat.settings.with_value(cap, more)
    attempt("go_on", chat, message, backend, more)


def draw_ending(chat: Chat, message: Message, backend: Backend | None, window: int) -> None:
    """What stands under an answer; the last one of the path can be asked for again, or go on."""
    conversation, _ = chat.view()
    used, _ = figures.context_used(conversation, conversation.path())
    more = raised(chat, message, window, used)
    transcript.draw_ending(
        chat, message, last=message.id == conversation.head, more=more,
        go_on=lambda: go_on(chat, message, backend, more or 0),
        again=lambda: attempt("regenerate", chat, message, backend),
        open_variant=lambda id: attempt("open", chat, id),
    )  # fmt: skip


def draw_use(chat: Chat, window: int) -> None:
    """How full the context is, and what the conversation has used."""
    conversation, _ = chat.view()
    figures.context_gauge(*figures.context_used(conversation, conversation.path()), window)
    figures.conversation_totals(chat.model, conversation)


def draw_welcome(chat: Chat, where: Place) -> None:
    """The empty page: whom one talks with, and something to begin with."""
    st.markdown("### What shall we try?")
    if where.twin is not None:
        st.caption(
            "You talk with a very small model on this machine: fluent, often wrong. It stands in for "
            f"{chat.model.name}, so that everything here works without an account."
        )
    for number, (icon, starter) in enumerate(STARTERS):
        st.button(
            starter, key=f"starter{number}", icon=icon, width="stretch", disabled=where.backend is None,
            on_click=send, args=(chat, where.backend, starter),
        )  # fmt: skip


def await_twin(where: Place) -> None:
    """Show how the twin's start goes, and draw the page anew once it is up."""
    progress = st.empty()
    while (now := place.current()).backend is None:
        match now.twin:
            case Fetching(done, total):
                part = min(done / total, 1.0)
                progress.progress(
                    part, text=f"Fetching the model, once: {done / 1e6:.0f} of {total / 1e6:.0f} MB"
                )
            case Failed(reason, advice):
                with progress.container():
                    trouble(PaddockError(reason, advice=advice), "The twin is not running")
                return
            case _:
                progress.progress(0.0, text="Starting the model on this machine …")
        time.sleep(0.2)
    st.rerun()


chat = open_chat()
where = place.current()
conversation, live = chat.view()
path = conversation.path()
window = (where.backend and where.backend.context_window) or chat.model.context_window

with st.sidebar:
    use = st.empty()
    with use.container():
        draw_use(chat, window)
    st.text_area(
        "System prompt", key=SYSTEM, height=90, placeholder="Who the model should be, and how it should answer",
        on_change=lambda: chat.set_system(st.session_state[SYSTEM]), help="Sent first, with every message.",
    )  # fmt: skip
    controls.draw(chat, window - figures.context_used(conversation, path)[0])

with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
    place_slot = st.empty()
    with place_slot.container():
        place.draw(where, busy=live is not None)
    if path:
        st.button(
            "New conversation", key="new", icon=":material/add_comment:", type="tertiary",
            on_click=lambda: turn_to(registry().new(chat).id, chat.id),
        )  # fmt: skip
    elif before := st.session_state.get(BEFORE):
        st.button(
            "Back to the last one",
            key="back",
            icon=":material/undo:",
            type="tertiary",
            on_click=turn_to,
            args=(before,),
        )

# While an answer streams, Streamlit leaves in a place whatever an earlier drawing put there and this one did not
# replace. So another conversation is drawn in another place, and so is each new answer; the places left are emptied.
welcome = st.empty()
histories = [st.container() if side == st.session_state.get(SIDE, 0) else st.empty() for side in (0, 1)]
answers = [st.container() if live is not None and side == live.number % 2 else st.empty() for side in (0, 1)]
notice = st.empty()
stop = st.bottom.empty()
# At top level, for that makes the page follow the stream. Sent in a callback, so that a text which cannot be sent
# is back in the box before the box is drawn again.
st.chat_input("Message the model", key=INPUT, on_submit=send, args=(chat, where.backend))

if (refused := st.session_state.pop(REFUSED, None)) is not None:
    with notice.container():
        trouble(refused)

if not path:
    with welcome.container():
        draw_welcome(chat, where)
with histories[st.session_state.get(SIDE, 0)]:
    shown = st.session_state.setdefault(SHOWN, transcript.WINDOW)
    if len(path) > shown:
        earlier = min(len(path) - shown, transcript.WINDOW)
        if st.button(f"Show {earlier} earlier messages", key="earlier", type="tertiary"):
            st.session_state[SHOWN] = shown + transcript.WINDOW
            st.rerun()
    for message in path[-shown:]:
        if live is not None and message.id == live.message:
            continue  # it stands last, and is drawn last
        with transcript.speaker(message.role, message.id):
            transcript.draw_message(message)
            if message.answers:
                draw_ending(chat, message, where.backend, window)
    st.empty()  # where the live answer's earlier variant, or its beginning, stood

if live is not None:
    stop.button(
        "Stop", key="stop", icon=":material/stop_circle:", shortcut="Escape", on_click=chat.stop,
        help="Ends the answer here and at the model; what came is kept",
    )  # fmt: skip
    with answers[live.number % 2], transcript.speaker("assistant", live.message):
        transcript.attach(live)  # nothing below waits for anything else
        draw_ending(chat, chat.conversation.message(live.message), where.backend, window)
    stop.empty()
    with place_slot.container():
        place.draw(place.current(), busy=False)
    with use.container():
        draw_use(chat, window)
elif where.backend is None:
    with notice.container():
        await_twin(where)

"""A page of Paddock in this process, worked with as a visitor would, through Streamlit's AppTest.

What needs a browser (JavaScript, focus, upload, download, layout, interruptions) is tested in tests/page.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block, Node

from lib.files import share_link
from lib.model import model_record
from lib.model.request_options import Features
from lib.model.settings import Settings
from tests.page.app_process import ROOT

MODEL = model_record.default_model()
TIMEOUT = 60.0
WHOLE_APP = "lib/ui/shell/navigation.py"  # the script that has all pages
DRAFT = "draft-in-test"  # in the session's state: what the browser's component would tell of the message box
_REPLACED = re.compile(r"--\d+$")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


def share_address(text: str = "", system: str = "", **features: Any) -> str:
    """Return an address that opens a new conversation with these features, system prompt and message."""
    settings = replace(Settings.defaults(MODEL), features=Features(**features))
    return f"/?{share_link.QUERY_PARAMETER}={share_link.encode_link(share_link.SharedSetup(system, settings, text))}"


def plain_text(markdown: str) -> str:
    """Return Markdown as it is read: without escapes and joiners, white space squeezed."""
    return " ".join(_ESCAPED.sub(r"\1", markdown.replace("\u2060", "")).replace("**", "").split())


class AppTestPage:
    """One session of a page. Fails if the script raises."""

    def __init__(self, address: str = "/", path: str = "pages/chat.py", **state: Any) -> None:
        self.test = AppTest.from_file(str(ROOT / path), default_timeout=TIMEOUT)
        for name, values in parse_qs(urlsplit(address).query, keep_blank_values=True).items():
            self.test.query_params[name] = values[0]
        for key, value in state.items():
            self.test.session_state[key] = value
        self.run()

    def run(self) -> AppTestPage:
        """Run the script once more, with what was set since; an answer is awaited to its end."""
        self.test.run()
        assert not self.test.exception, self.test.exception
        return self

    def reopen(self) -> AppTestPage:
        """Return a new session at the same address, as a reload makes one."""
        query = {
            name: values if isinstance(values, str) else values[0]
            for name, values in self.test.query_params.items()
        }
        page = AppTestPage.__new__(AppTestPage)
        page.test = AppTest.from_file(self.test._script_path, default_timeout=TIMEOUT)
        page.test.query_params.update(query)
        return page.run()

    def go_to(self, name: str, **query: str) -> AppTestPage:
        """Open another page, as its link at the top does. Only in a session of the whole application."""
        self.test.switch_page(f"../../../pages/{name}.py")
        self.test.query_params.clear()
        self.test.query_params.update(query)
        return self.run()

    # Finding

    def by_key(self, key: str, inside: Block | None = None) -> Any:
        """Return the control or container of that key. Raises KeyError if there is none."""
        nodes = self.by_keys(f"^{re.escape(_REPLACED.sub('', key))}$", inside)
        if not nodes:
            raise KeyError(key)
        return nodes[0]

    def has_key(self, key: str) -> bool:
        return bool(self.by_keys(f"^{re.escape(key)}$"))

    def by_keys(self, pattern: str, inside: Block | None = None) -> list[Any]:
        """Return all controls and containers whose key matches, in the order of the page.

        The number does not count that ends the key of a bound control that took the place of another one.
        """
        nodes = self.test._tree if inside is None else inside
        return [
            node
            for node in nodes
            if (key := getattr(node, "key", None)) and re.search(pattern, _REPLACED.sub("", key))
        ]

    def texts(self, inside: Block | None = None) -> list[str]:
        """Return all that is to be read there, in order, Markdown as plain text."""
        texts, pieces = [], set()
        for node in self.test._tree if inside is None else inside:
            if str(getattr(node, "key", "")).startswith("model-text-source"):
                parts = [part for part in node if part.type == "text"]
                pieces.update(map(id, parts))
                whole = "".join(json.loads(part.value) for part in parts if part.value != ".")
                texts.append(" ".join(whole.split()))
            elif id(node) not in pieces:
                texts.append(_text_of(node))
        return [text for text in texts if text]

    def text(self, inside: Block | None = None) -> str:
        """Return all that is to be read there as one text."""
        return " ".join(self.texts(inside))

    # Acting

    @property
    def put_text(self) -> str:
        """Return the text that the page put into the message box in the last run."""
        return str(self.test.chat_input[0].proto.value)

    def click(self, key: str) -> AppTestPage:
        """Click the button of that key."""
        button = self.by_key(key)
        assert not button.disabled, f"{key} is disabled"
        button.click()
        return self.run()

    def choose(self, key: str, option: Any) -> AppTestPage:
        """Set the control of that key: a choice, a switch, a number, a text; or click that option of a menu."""
        self.by_key(key).set_value(option)
        return self.run()

    def write(self, text: str) -> AppTestPage:
        """Let that stand in the message box, unsent: the browser tells the page so at a pause in the typing."""
        self.test.session_state[DRAFT] = text
        if "draft-sent" in self.test.session_state:
            del self.test.session_state["draft-sent"]
        return self.run()

    def send(self, text: str = "Go") -> AppTestPage:
        """Send a message, and wait for the end of the answer."""
        self.test.chat_input[0].set_value(text)
        return self.run()

    # The conversation

    @property
    def answers(self) -> list[Block]:
        return self.by_keys("^assistant-")

    @property
    def questions(self) -> list[Block]:
        return self.by_keys("^user-")

    @property
    def messages(self) -> list[Block]:
        return list(self.test.chat_message)

    def message_id(self, message: Block) -> str:
        """Return the id of an answer or a question."""
        return str(message.key).partition("-")[2]

    def figures(self, number: int = -1) -> str:
        """Return the line of figures under an answer."""
        answer = self.answers[number]
        line = self.by_key(f"figures-{self.message_id(answer)}")
        return plain_text(line.caption[0].value) if line.caption else ""

    def choose_in_menu(self, message: Block, action: str) -> AppTestPage:
        """Choose an action in a message's menu."""
        return self.choose(f"menu-{self.message_id(message)}", action)

    def first_texts(self) -> list[str]:
        """Return the first text of each message on the open path: all of it if it is short."""
        return [next(iter(self.texts(message)), "") for message in self.messages]

    def errors(self, inside: Block | None = None) -> list[str]:
        """Return the errors on the page."""
        return [plain_text(error.value) for error in (inside or self.test).error]

    @property
    def next_send_summary(self) -> str:
        """Return what the page says of the next send, in one line."""
        return plain_text(self.by_key("ahead").label)

    def everything(self) -> str:
        """Return all that was sent to the browser, as text."""
        return "\n".join(str(getattr(node, "proto", "")) for node in self.test._tree)

    def codes(self, inside: Block | None = None) -> list[str]:
        """Return the texts that can be copied."""
        nodes = self.test._tree if inside is None else inside
        codes = [node.value if node.type == "code" else _drawn_data(node).get("code") for node in nodes]
        return [code for code in codes if code is not None]


def _text_of(node: Node) -> str:
    match node.type:
        case "markdown" | "caption" | "error" | "warning" | "info" | "success":
            return plain_text(node.value)  # type: ignore[union-attr]
        case "text" | "code" | "html":
            return str(node.value)  # type: ignore[union-attr]
        case "bidi_component":
            return " ".join(_model_text(node).split())
        case "json":
            return json.dumps(json.loads(node.value), ensure_ascii=False)  # type: ignore[union-attr]
        case "button" | "download_button" | "expandable" | "page_link" | "popover" | "toast":
            return plain_text(str(getattr(node, "label", "") or ""))
    return ""


def _drawn_data(node: Node) -> dict[str, Any]:
    """Return what a component is given to draw, {} for any other node."""
    data = json.loads(node.proto.json or "null") if node.type == "bidi_component" else {}  # type: ignore[union-attr]
    return data if isinstance(data, dict) else {}


def _model_text(node: Node) -> str:
    """Return what a component of ``lib.ui.widgets.model_text`` is given to draw, "" for any other component."""
    match _drawn_data(node):
        case {"text": str(text)} | {"plain": str(text)} | {"code": str(text)}:
            return text
        case {"tree": [tree]}:
            return json.dumps(_tree_value(tree), ensure_ascii=False)
        case {"columns": columns, "rows": rows}:
            return "\n".join(" | ".join(cells) for cells in [columns, *rows])
    return ""


def _tree_value(tree: Any) -> Any:
    match tree:
        case {"o": pairs}:
            return {name: _tree_value(part) for name, part in pairs}
        case {"a": parts}:
            return [_tree_value(part) for part in parts]
        case {"l": literal}:
            return json.loads(literal)
    return tree

"""A page with nothing but the code that draws a model's text, without Paddock's server."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, Route

from lib.ui.widgets.model_text import CODE_FOLDER

ORIGIN = "http://text.test/"

# Functions for the tests. ``blocks`` is written like tests.page.markdown_reference: reference_blocks.
_SCRIPT = """
import { TextView } from "./text_view.mjs"
import { STYLE } from "./style.mjs"

const sheet = new CSSStyleSheet()
sheet.replaceSync(STYLE)
document.adoptedStyleSheets = [sheet]

window.newView = () => {
    const root = document.createElement("div")
    root.className = "model-text"
    return [root, new TextView(root)]
}
window.show = text => {
    const [root, view] = newView()
    document.body.replaceChildren(root)
    view.show(text)
    return root
}
window.blocks = root => {
    const result = []
    let line = null
    for (const node of root.childNodes) {
        const block = blockOf(node)
        if (block) {
            result.push(block)
            line = null
        } else if (line) line[1] += textOf(node)
        else result.push(line = ["text", textOf(node)])
    }
    return result
}
const blockOf = node => {
    if (/^H[3-6]$/.test(node.nodeName)) return ["heading", Number(node.className.slice(-1)), textOf(node)]
    if (node.classList?.contains("code")) {
        const label = node.querySelector("code").dataset.language ?? ""
        return ["code", label, node.querySelector("code").textContent]
    }
    switch (node.nodeName) {
        case "P": return ["text", textOf(node)]
        case "HR": return ["hr"]
        case "BLOCKQUOTE": return ["quote", blocks(node)]
        case "UL": return ["bullet_list", [...node.children].map(blocks)]
        case "OL": return ["ordered_list", [...node.children].map(blocks)]
        case "DIV": return ["table", [...node.querySelectorAll("tr")].map(row => [...row.cells].map(textOf))]
    }
}
const textOf = node => node.nodeName === "BR" ? "\\n"
    : node.childNodes.length ? [...node.childNodes].map(textOf).join("") : node.textContent
// Return the first of these lengths at which a growing text is not drawn as if it were whole, null if there is none.
window.firstDifference = (text, cuts) => {
    const [root, view] = newView()
    for (const cut of [...cuts, text.length]) {
        view.show(text.slice(0, cut), false)
        view.show(text.slice(0, cut), true)
        const [whole, wholeView] = newView()
        wholeView.show(text.slice(0, cut), true)
        if (whole.innerHTML !== root.innerHTML) return cut
    }
    return null
}
window.ready = true
"""


def open_markdown_page(page: Page) -> Page:
    """Let the page have the functions show(text), blocks(root) and firstDifference(text, cuts)."""

    def answer(route: Route) -> None:
        path = route.request.url.removeprefix(ORIGIN)
        if path:
            route.fulfill(body=(CODE_FOLDER / path).read_bytes(), content_type="text/javascript")
        else:
            route.fulfill(
                body=f"<!doctype html><body><script type=module>{_SCRIPT}</script>", content_type="text/html"
            )

    page.route(f"{ORIGIN}**", answer)
    page.goto(ORIGIN)
    page.wait_for_function("window.ready")
    return page


def drawn_blocks(page: Page, texts: list[str]) -> list[Any]:
    """Return the blocks of each text as the page draws them."""
    blocks: list[Any] = page.evaluate("texts => texts.map(text => blocks(show(text)))", texts)
    return blocks

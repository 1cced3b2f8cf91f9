"""axe-core in a browser tab: what it finds against WCAG 2.2, levels A and AA."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from playwright.sync_api import Page

from tests.snippets.snippet_runner import MODULES

TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")

# A colour that is on its way to another one, as after a click, is not what a person reads.
_RUN_JS = """async ([within, only]) => {
    // Paddock repairs what was just drawn a moment later (PATIENCE in accessibility.js), and when the page is idle.
    await new Promise(done => setTimeout(() => requestIdleCallback(() => requestIdleCallback(() => done())), 500))
    for (const move of document.getAnimations()) if (move instanceof CSSTransition) move.finish()
    return axe.run(within, {runOnly: only, resultTypes: ['violations']})
        .then(({violations}) => violations.flatMap(({id, nodes}) => nodes.map(node => (
            [id, node.target.flat().join(' '), node.html, node.failureSummary]))))
}"""


@dataclass(frozen=True)
class Violation:
    """An element that breaks a rule: the rule's name, a selector, the element's HTML and what axe says of it."""

    rule: str
    target: str
    html: str
    summary: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.target}\n    {self.html[:300]}\n    {' '.join(self.summary.split())}"


@cache
def _axe_source() -> str:
    return (MODULES / "axe-core/axe.min.js").read_text()


def find_violations(page: Page, within: str = "html", rules: Sequence[str] = ()) -> list[Violation]:
    """Return what breaks one of these rules, by default any of level A or AA, in the element of that selector."""
    # Through the debugger: the content security policy lets the page itself load nothing of the kind.
    if not page.evaluate("'axe' in window"):
        page.evaluate(_axe_source())
    only = {"type": "rule", "values": list(rules)} if rules else {"type": "tag", "values": list(TAGS)}
    return [Violation(*node) for node in page.evaluate(_RUN_JS, [within, only])]

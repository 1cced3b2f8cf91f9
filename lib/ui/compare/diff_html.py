"""The difference of two texts as HTML: removed words are struck through, added words underlined."""

from __future__ import annotations

from functools import lru_cache
from html import escape

from lib.compare.text_diff import Added, DiffPiece, Removed, Same, diff_words
from lib.jsonkit.surrogates import replace_lone_surrogates

# Not by colour alone: lines through and under the words, and hidden words for screen readers.
_STYLE = """<style>
.changes {white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.6}
.changes del, .changes ins {border-radius: 3px; padding: 0 .1em; margin: 0 1px}
.changes del {text-decoration: line-through; background: rgba(200, 70, 60, .16)}
.changes ins {text-decoration: underline; text-decoration-thickness: 2px; text-underline-offset: 3px;
    background: rgba(63, 154, 109, .22)}
.changes i {position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%)}
</style>"""


@lru_cache(maxsize=64)
def render_diff(before: str, after: str) -> str:
    """Return the difference for st.html. Both texts are escaped."""
    pieces = diff_words(replace_lone_surrogates(before), replace_lone_surrogates(after))
    return f'<div><div class="changes">{"".join(map(_piece_html, pieces))}</div>{_STYLE}</div>'


@lru_cache(maxsize=64)
def describe_diff(before: str, after: str) -> str:
    """Return the number of removed and added words, in words."""
    removed = added = 0
    for piece in diff_words(replace_lone_surrogates(before), replace_lone_surrogates(after)):
        match piece:
            case Removed(text):
                removed += len(text.split())
            case Added(text):
                added += len(text.split())
            case Same():
                pass
    return f"{removed:,} words removed, {added:,} added" if removed or added else "exactly the same words"


def _piece_html(piece: DiffPiece) -> str:
    match piece:
        case Same(text):
            return escape(text)
        case Removed(text):
            return f"<del><i>[removed: </i>{escape(text)}<i>]</i></del>"
        case Added(text):
            return f"<ins><i>[added: </i>{escape(text)}<i>]</i></ins>"

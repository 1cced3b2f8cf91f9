"""A token distribution as an HTML table with bars: the model's probability above the sampling probability."""

from __future__ import annotations

from html import escape

from lib.api.inspection import TokenCandidate, TokenDistribution

# Plain HTML, not a chart: it can be read aloud, found, selected, and wraps to a phone's width. Greys are the text's
# own colour made fainter, so they fit a light page and a dark one; the green stands out on both.
_STYLE = """<style>
.odds {width: 100%; border-collapse: collapse; font-size: .875rem; line-height: 1.25}
.odds caption {position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%)}
.odds th {font-weight: 400; opacity: .75; padding: 0 0 .35rem; text-align: right; white-space: nowrap}
.odds th:first-child, .odds th:nth-child(2) {text-align: left}
.odds td, .odds tbody th {padding: .14rem 0; border: 0; vertical-align: middle}
.odds tbody th {opacity: 1; font-family: "Plex Mono", monospace; text-align: left; max-width: 9.5rem;
    overflow: hidden; text-overflow: ellipsis; padding-right: .6rem}
.odds td.share {text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; width: 4.1rem}
.odds th:nth-child(n+3), .odds td.share {padding-left: .7rem}
.odds td.bars {width: 50%}
.odds i {display: block; height: .42rem; min-width: 1px; border-radius: 0 2px 2px 0}
.odds i.own {background: currentColor; opacity: .35; margin-bottom: 2px}
.odds i.drawn {background: #3f9a6d}
.odds i.none {visibility: hidden}
.odds tr.cut > * {opacity: .6}
.odds tr.marked > * {opacity: 1; background: color-mix(in srgb, #3f9a6d 18%, transparent)}
.odds tr.marked th {font-weight: 600}
.odds u {text-decoration: none; opacity: .45}
.odds b {display: inline-block; width: .8rem; height: .5rem; margin: 0 .35rem 0 0; border-radius: 2px}
</style>"""


def probability_table(
    distribution: TokenDistribution, count: int, marked: TokenCandidate | None = None
) -> str:
    """Return a table of the ``count`` likeliest candidates; ``marked`` stands out. All tokens are escaped."""
    shown = distribution.candidates[:count]
    scale = max(max(candidate.probability, candidate.sampling_probability) for candidate in shown) or 1.0
    rows = "".join(_row_html(candidate, scale, is_marked=candidate is marked) for candidate in shown)
    return (
        f'<div><table class="odds"><caption>{escape(summarise(distribution))}</caption><thead><tr>'
        '<th scope="col">Token</th><th scope="col" aria-label="Bars"></th>'
        '<th scope="col"><b style="background:currentColor;opacity:.45"></b>Model</th>'
        '<th scope="col"><b style="background:#3f9a6d"></b>With settings</th>'
        f"</tr></thead><tbody>{rows}</tbody></table></div>{_STYLE}"
    )


def summarise(distribution: TokenDistribution) -> str:
    """Return how many tokens are left, and the likeliest, in one sentence."""
    likeliest = max(distribution.candidates, key=lambda candidate: candidate.sampling_probability)
    left = (
        "Only one token can come next"
        if distribution.sampling_count == 1
        else f"{distribution.sampling_count:,} of {distribution.vocabulary_size:,} tokens can come next"
    )
    chance = format_percent(likeliest.sampling_probability)
    return f"{left}; the most likely is “{visible_text(likeliest.token)}” with {chance}."


def format_percent(share: float) -> str:
    """Format a share with its significant digits: 41 %, 4.1 %, 0.41 %, < 0.01 %."""
    hundred = share * 100
    if hundred == 0:
        return "0 %"
    if hundred < 0.01:
        return "< 0.01 %"
    places = 0 if hundred >= 99.95 else 1 if hundred >= 1 else 2
    return f"{hundred:.{places}f} %"


def visible_text(token: str) -> str:
    """Return a token with signs for its white space."""
    return "".join(_VISIBLE.get(char, char) for char in token) or "nothing"


_VISIBLE = {" ": "·", "\n": "↵", "\t": "⇥", "\r": "↵"}


def _token_html(token: str) -> str:
    """Return a token as HTML, with faint signs for its white space."""
    if not token:
        return "<u>nothing</u>"
    return "".join(f"<u>{_VISIBLE[char]}</u>" if char in _VISIBLE else escape(char) for char in token)


def _row_html(candidate: TokenCandidate, scale: float, *, is_marked: bool) -> str:
    sampled = format_percent(candidate.sampling_probability) if candidate.can_be_sampled else "removed"
    return (
        f'<tr class="{"kept" if candidate.can_be_sampled else "cut"}{" marked" if is_marked else ""}">'
        f'<th scope="row" title="{escape(visible_text(candidate.token))}">'
        f'{_token_html(candidate.token)}</th><td class="bars">'
        f'<i class="own" style="width:{candidate.probability / scale:.2%}"></i>'
        f'<i class="{"drawn" if candidate.can_be_sampled else "none"}" '
        f'style="width:{candidate.sampling_probability / scale:.2%}"></i></td>'
        f'<td class="share">{format_percent(candidate.probability)}</td><td class="share">{sampled}</td></tr>'
    )

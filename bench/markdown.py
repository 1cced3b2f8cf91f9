"""Compares the blocks of a model's text, as the page draws them, with a CommonMark reference, markdown-it-py.

Over the examples of the CommonMark specification and generated nestings. Each text also grows by random cuts, and
must look like a whole one at each. Exits with 1 if there is a difference. Run: .venv/bin/python -m bench.markdown
"""

from __future__ import annotations

import argparse
import random
import sys

from playwright.sync_api import sync_playwright

from tests.page.browser_tab import launch_chromium
from tests.page.markdown_page import drawn_blocks, open_markdown_page
from tests.page.markdown_reference import make_nestings, reference_blocks, spec_examples

CUTS = 12
# In these two examples a formula begins: Paddock keeps its backslashes.
FORMULAS = ("[link](\\(foo\\))", "[link](foo\\(and\\(bar\\))")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nestings", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    examples = [text for text in spec_examples() if text not in FORMULAS]
    texts = [*examples, *make_nestings(arguments.nestings, arguments.seed)]
    chance = random.Random(arguments.seed)
    cuts = [sorted(chance.randint(0, len(text)) for _ in range(CUTS)) for text in texts]
    with sync_playwright() as playwright, launch_chromium(playwright) as browser:
        page = open_markdown_page(browser.new_page())
        blocks = drawn_blocks(page, texts)
        places = page.evaluate(
            "jobs => jobs.map(([text, cuts]) => firstDifference(text, cuts))",
            [*zip(texts, cuts, strict=True)],
        )
    other = [text for text, found in zip(texts, blocks, strict=True) if found != reference_blocks(text)]
    grown = [text for text, place in zip(texts, places, strict=True) if place is not None]
    print(f"{len(examples)} examples of the specification, {arguments.nestings:,} generated nestings")
    print(f"  other blocks than the reference's: {len(other)}")
    print(f"  drawn otherwise when they grow by {CUTS} random cuts: {len(grown)}")
    for text in [*other, *grown][:10]:
        print(f"    {text!r}")
    return 1 if other or grown else 0


if __name__ == "__main__":
    sys.exit(main())

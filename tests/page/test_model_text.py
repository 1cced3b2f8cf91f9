"""A model's text as the browser draws it: CommonMark's blocks, and exactly the characters that were written."""

from __future__ import annotations

import random

import pytest
from playwright.sync_api import Browser, Page

from tests.page.markdown_page import drawn_blocks, open_markdown_page
from tests.page.markdown_reference import make_nestings, reference_blocks, spec_examples
from tests.waiting import ends

# In two examples of links to other places a formula of ours would begin.
FORMULAS = ("\\(foo\\)", "\\(and\\(bar\\)")


@pytest.fixture(scope="module")
def page(browser: Browser) -> Page:
    """Open a page with nothing but the code."""
    return open_markdown_page(browser.new_page())


def drawn(page: Page, text: str) -> str:
    """Draw a text, and return what can be read."""
    shown: str = page.evaluate("text => show(text).innerText", text)
    return shown


def links(page: Page, text: str) -> list[list[str]]:
    """Draw a text, and return the address and the text of each link."""
    found: list[list[str]] = page.evaluate(
        "text => [...show(text).querySelectorAll('a')].map(a => [a.getAttribute('href'), a.textContent])",
        text,
    )
    return found


def test_blocks_are_those_of_commonmark(page: Page) -> None:
    examples = [text for text in spec_examples() if not any(part in text for part in FORMULAS)]
    texts = [*examples, *make_nestings(150, seed=13)]
    for text, blocks in zip(texts, drawn_blocks(page, texts), strict=True):
        assert blocks == reference_blocks(text), text


def test_a_text_that_grows_is_drawn_like_a_whole_one(page: Page) -> None:
    chance = random.Random(13)
    texts = [*chance.sample(spec_examples(), 60), *make_nestings(40, seed=14)]
    cuts = [sorted(chance.randint(0, len(text)) for _ in range(8)) for text in texts]
    differences = page.evaluate(
        "jobs => jobs.map(([text, cuts]) => firstDifference(text, cuts))", [*zip(texts, cuts, strict=True)]
    )
    assert [text for text, place in zip(texts, differences, strict=True) if place is not None] == []


def test_a_reference_at_the_end_makes_links_of_what_stands_before(page: Page) -> None:
    text = "See [docs].\n\nMore text.\n\n[docs]: https://docs.example/a--b\n"
    assert page.evaluate("text => firstDifference(text, [...text].map((_, index) => index))", text) is None
    assert links(page, text) == [["https://docs.example/a--b", "docs"]]


def test_a_fence_may_open_on_the_line_of_a_list_marker(page: Page) -> None:
    text = "1. ```bash\n   git log --oneline\n   ```\n2. Then *this*."
    (blocks,) = drawn_blocks(page, [text])
    assert blocks == [["ordered_list", [[["code", "bash", "git log --oneline"]], [["text", "Then this."]]]]]


@pytest.mark.parametrize(
    "text",
    [
        "大约3~5天，价格100~200元",
        "git log --oneline, a->b, <=, =>, arn:aws:s3, :smile:, :red[x], 10:30:45",
        "$5 and $10, $x$",
        "<b>not bold</b> & <br>",
        "\\(a^2 + b^2 = c^2\\) and \\[ \\frac12 \\] and $$\\int_0^1 x\\,dx$$",
        "![an image](javascript:x) and [a link](/relative)",
    ],
)
def test_characters_stay(page: Page, text: str) -> None:
    assert drawn(page, text) == text


def test_code_keeps_its_backslashes(page: Page) -> None:
    assert drawn_blocks(page, ["Run:\n\n    echo \\$HOME  `x`\n"])[0][1] == ["code", "", "echo \\$HOME  `x`"]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://h.example/a--b:1?x=%20y", "https://h.example/a--b:1?x=%20y"),
        ("请访问https://h.example/a获取更多信息", "https://h.example/a"),
        ("https://h.example/a，然后", "https://h.example/a"),
        ("https://h.example에서 “https", "https://h.example"),
        ("(see https://h.example/x_(y)).", "https://h.example/x_(y)"),
        ("**https://h.example/a**", "https://h.example/a"),
        ("at http://127.0.0.1:8000/x_y_z!", "http://127.0.0.1:8000/x_y_z"),
        ("[x](https://h.example/%E4%BD%A0?a=1&b=2)", "https://h.example/%E4%BD%A0?a=1&b=2"),
        ("![a cat](http://h.example/cat.png)", "http://h.example/cat.png"),
        ("write to ann@h.example.", "mailto:ann@h.example"),
        ("www.h.example/x, or", "http://www.h.example/x"),
    ],
)
def test_a_link_goes_where_the_text_says(page: Page, text: str, address: str) -> None:
    ((href, shown),) = links(page, text)
    assert href == address
    assert shown in text


# Draws a text that grows character by character; returns the texts and the addresses that a reader sees on the way.
GROW_JS = """text => {
    const [root, view] = newView()
    document.body.replaceChildren(root)
    return [...text].map((_, index) => {
        view.show(text.slice(0, index + 1), false)
        return [root.innerText, [...root.querySelectorAll('a')].map(a => a.getAttribute('href'))]
    })
}"""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("See [the docs](https://h.example/a_(b)?c=__d) here", "See the docs here"),
        ('**Bold [link](<http://h.example/a> "A title")** on', "Bold link on"),
        ("[x](https://h.example/a=__b) on **the road", "x on the road"),
        ("- ![a cat](https://h.example/cat.png)\n- b", "a cat\nb"),
        ("| a |\n|---|\n| [x](mailto:ann@h.example) |", "a\nx"),
    ],
)
def test_the_address_of_a_link_is_hidden_while_it_streams(page: Page, text: str, shown: str) -> None:
    steps: list[tuple[str, list[str | None]]] = page.evaluate(GROW_JS, text)
    assert steps[-1][0].strip() == shown
    complete = steps[-1][1][0]
    for so_far, addresses in steps:
        assert "](" not in so_far
        assert "h.example" not in so_far
        # An address that is not complete leads elsewhere.
        assert addresses in ([], [None], [complete])


def test_the_addresses_of_an_image_in_a_link_are_hidden_while_it_streams(page: Page) -> None:
    image, target = "https://h.example/cat.png", "https://h.example/cats"
    steps: list[tuple[str, list[str | None]]] = page.evaluate(GROW_JS, f"[![a cat]({image})]({target}) on")
    assert steps[-1] == ["a cat on", [target]]
    for so_far, addresses in steps:
        assert "](" not in so_far
        assert "h.example" not in so_far
        assert {*addresses} <= {None, image, target}


def test_many_spaces_in_a_link_take_a_moment(page: Page) -> None:
    """A model that fails may write spaces until its limit."""
    draw = """text => {
        const [root, view] = newView()
        view.show(text, false)
        return root.textContent
    }"""
    with ends():
        assert "a](" in page.evaluate(draw, f"[a]({' ' * 200_000}x y")


@pytest.mark.parametrize(
    "text",
    [
        "[docs](https://h.exam",
        "f[0](x",
        "It is `[a](https://h",
        "[a](/relative",
        "[a](https://h (b",
        "[a](https://h\n\nb",
    ],
)
def test_a_text_that_ends_in_a_link_loses_nothing(page: Page, text: str) -> None:
    grown, ended = page.evaluate(
        """text => {
            const [root, view] = newView()
            document.body.replaceChildren(root)
            view.show(text, false)
            const grown = root.innerText
            view.show(text, true)
            return [grown, root.innerText]
        }""",
        text,
    )
    assert ended.replace("\n", "") == text.replace("\n", "")
    if text != "[docs](https://h.exam":
        assert grown.replace("\n", "").replace("`", "") == text.replace("\n", "").replace("`", "")


@pytest.mark.parametrize(
    "text",
    [
        "main.py",
        "git@h.example:me/it.git",
        "[x](javascript:alert(1))",
        "[x](data:text/html,x)",
        "<ftp://h.example>",
        "a_b@c",
    ],
)
def test_anything_else_is_no_link(page: Page, text: str) -> None:
    assert links(page, text) == []
    assert drawn(page, text) == text


@pytest.mark.parametrize(
    ("text", "bold"),
    [
        ("**“文字”**后面", "“文字”"),
        ("这是**（重点）**的", "（重点）"),
        ("**《书》**是", "《书》"),
        ("a **b** c", "b"),
        ("2**3**4", "3"),
    ],
)
def test_bold_beside_scripts_without_spaces(page: Page, text: str, bold: str) -> None:
    assert page.evaluate("text => show(text).querySelector('strong')?.textContent", text) == bold


def test_a_break_tag_breaks_a_line_in_a_table_alone(page: Page) -> None:
    table = "| a |\n|---|\n| one<br>two<br/>`<br>` |"
    assert drawn_blocks(page, [table, "one<br>two"]) == [
        [["table", [["a"], ["one\ntwo\n<br>"]]]],
        [["text", "one<br>two"]],
    ]


def test_a_list_has_the_numbers_that_were_written(page: Page) -> None:
    numbers = page.evaluate(
        "texts => texts.map(text => [...show(text).querySelectorAll('li')].map(item => item.value))",
        ["10. a\n9. b\n8. c", "1. a\n1. b\n1. c", "2019. a\n2021. b"],
    )
    assert numbers == [[10, 9, 8], [1, 2, 3], [2019, 2021]]


@pytest.mark.parametrize(
    ("text", "element"),
    [
        ("مرحبا بالعالم.", "p"),
        ("- שלום.", "li"),
        ("Hi:\n\n> שלום", "blockquote"),
        ("| שם |\n|---|\n| א |", "table"),
    ],
)
def test_text_from_right_to_left_is_drawn_so(page: Page, text: str, element: str) -> None:
    selector = f"[dir=auto]{'' if element == 'p' else ' ' + element if element in ('li', 'table') else ''}"
    direction = page.evaluate(
        "([text, selector]) => getComputedStyle([...show(text).querySelectorAll(selector)].at(-1)).direction",
        [text, selector],
    )
    assert direction == "rtl"


def test_deep_nesting_loses_no_text(page: Page) -> None:
    text = "> " * 300 + "inside"
    assert drawn(page, text).replace(">", "").strip() == "inside"
    assert drawn(page, "[" * 500 + "x" + "*a" * 500).replace("*", "").endswith("xaaa" + "a" * 497)


def test_a_copy_of_code_is_the_code(page: Page) -> None:
    page.evaluate("text => show(text)", "```sh\ngit log --oneline && a->b\n\n  x\n```")
    page.evaluate("navigator.clipboard = {writeText: async text => { window.copied = text }}")
    page.get_by_role("button", name="Copy code").click()
    page.get_by_role("button", name="Copied").wait_for()
    # Without a line break at the end: a terminal would run the command at once.
    assert page.evaluate("copied") == "git log --oneline && a->b\n\n  x"


# Selection and scroll position stay while a text grows.
def test_finished_blocks_are_not_drawn_again(page: Page) -> None:
    page.evaluate(
        """() => {
            const [root, view] = newView()
            view.append("First.\\n\\n```py\\nx = 1\\n```\\n\\n- a\\n")
            window.kept = [...root.children]
            view.append("- b\\n\\nLast")
            window.now = [...root.children]
        }"""
    )
    assert page.evaluate("kept.map((element, index) => element === now[index])") == [True, True, True]
    assert page.evaluate("now.at(-1).textContent") == "Last"

"""Measure how often the twin calls the right tool, or rightly none. ``python -m bench.tools``

There are three sets of tools with twenty requests each. The first two were used to choose the method; the third was
written afterwards, to test it.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lib.twin import request_tools, weights
from lib.twin.engine import Engine
from lib.twin.request_tools import OfferedTool
from lib.twin.tool_choice import ToolChooser

Requests = list[tuple[str, str]]


def make_tool(name: str, description: str) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {"text": {"type": "string", "description": "what for"}}}
    return {"name": name, "description": description, "parameters": parameters}


def make_requests(**by_tool: str) -> Requests:
    return [(name, line.strip()) for name, lines in by_tool.items() for line in lines.strip().splitlines()]


SAMPLES = [
    make_tool("calculator", "Works out an arithmetic expression"),
    make_tool("clock", "The current date and time in a time zone"),
    make_tool("weather", "The weather now in a city"),
]
OFFICE = [
    make_tool("send_email", "Sends an e-mail to somebody"),
    make_tool("get_stock_price", "The current price of a company's stock"),
    make_tool("search_flights", "Finds flights between two cities on a day"),
    make_tool("create_reminder", "Reminds the user of something at a time"),
]
HOME = [
    make_tool("play_music", "Plays a song or an album"),
    make_tool("find_recipe", "Finds a recipe for a dish"),
    make_tool("convert_currency", "Converts an amount of money into another currency"),
    make_tool("set_lights", "Turns the lights of a room on or off"),
]
SETS: dict[str, tuple[list[dict[str, Any]], Requests]] = {
    "samples": (
        SAMPLES,
        make_requests(
            calculator="""What is 12 times 7?
                Work out (3+4)*5
                How much is 15% of 240?
                Add 128 and 256.
                What is 144 divided by 12?""",
            clock="""What time is it in Tokyo?
                Tell me the current time in New York
                What is today's date?
                What's the time now?""",
            weather="""What's the weather in Paris?
                Is it raining in London?
                How warm is it in Madrid right now?
                Do I need an umbrella in Berlin today?""",
            none="""Hello!
                Write a short poem about a fox.
                Who wrote Hamlet?
                Tell me a joke.
                What is the capital of France?
                Thank you, that was helpful.
                Explain what a noun is.""",
        ),
    ),
    "office": (
        OFFICE,
        make_requests(
            send_email="""Send an email to Bob saying I will be late
                Write to anna@example.com that the meeting is moved
                E-mail the report to my boss""",
            get_stock_price="""What is Apple's stock price?
                How much is a share of Tesla now?
                Price of MSFT stock?""",
            search_flights="""Find me a flight from Paris to Rome
                I want to fly to Tokyo on Monday
                Are there flights from Berlin to Oslo tomorrow?""",
            create_reminder="""Remind me to call mum at 6 pm
                Set a reminder to buy milk tomorrow""",
            none="""Hi there
                What is the largest planet?
                Write a haiku about rain
                Who painted the Mona Lisa?
                How are you?
                Summarise the plot of Romeo and Juliet
                Thanks!
                What does photosynthesis mean?
                Give me three names for a cat""",
        ),
    ),
    "home (unseen)": (
        HOME,
        make_requests(
            play_music="""Play the new album by Adele
                I would like to hear some Mozart
                Put on a love song""",
            find_recipe="""How do I cook lasagne?
                Find something I can bake with apples
                Give me a recipe for pancakes""",
            convert_currency="""How many euros are 50 dollars?
                Convert 200 yen to pounds
                What is 30 francs in dollars?""",
            set_lights="""Turn off the lamp in the bedroom
                Make it bright in the kitchen
                Switch on the hall lights""",
            none="""Good morning
                Who discovered America?
                Write a limerick about a pig
                What is the meaning of the word serendipity?
                Tell me about the Roman empire
                Why is the sky blue?
                Nice to meet you
                How old is the universe?""",
        ),
    ),
}


async def measure(engine: Engine) -> None:
    chooser = ToolChooser(engine)
    for name, (offered, requests) in SETS.items():
        tools: tuple[OfferedTool, ...] = request_tools.read_tools({"tools": offered})
        right, missed, needless, wrong = 0, [], [], []
        begun = time.monotonic()
        for expected, text in requests:
            tool = await chooser.choose(text, tools)
            chosen = tool.name if tool else "none"
            right += chosen == expected
            if chosen != expected:
                mistakes = missed if chosen == "none" else needless if expected == "none" else wrong
                mistakes.append(f"{text} → {chosen}")
        seconds = (time.monotonic() - begun) / len(requests)
        print(f"{name}: {right} of {len(requests)} right, {seconds:.2f} s a request")
        for label, mistakes in (("missed", missed), ("needless", needless), ("another tool", wrong)):
            if mistakes:
                print(f"  {label}: {'; '.join(mistakes)}")


def main() -> None:
    threads = max(1, (os.cpu_count() or 2) - 1)
    engine = Engine(weights.ensure_weights(), slots=1, threads=threads, context=2048)
    try:
        asyncio.run(measure(engine))
    finally:
        engine.close()


if __name__ == "__main__":
    main()

"""Files that attack their reader, made from a seed: bombs, lies about sizes, deep and wide values, odd names."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from lib.files import preset_file
from lib.model.model_record import default_model
from tests.files.workbook import make_workbook

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
MESSAGE = {"role": "user", "content": "Hello"}
SECOND_SHEET = "xl/worksheets/sheet2.xml"


@dataclass(frozen=True)
class HostileFile:
    """A file for the reader of its ``kind``: "table", "conversations" or "presets"."""

    family: str
    kind: str
    name: str
    data: bytes


def pack(parts: Iterable[tuple[str, bytes]]) -> bytes:
    """Return a zip of these parts; the same name may come twice."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in parts:
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(info, content)
    return out.getvalue()


def workbook_with(parts: dict[str, bytes], change: Callable[[str, bytes], bytes] | None = None) -> bytes:
    """Return an XLSX file with these parts in the place of its own or beside them; ``change`` edits the others."""
    with zipfile.ZipFile(io.BytesIO(make_workbook(["text", "n"], ["=1+1", 2]))) as packed:
        own = {name: packed.read(name) for name in packed.namelist()}
    changed = {name: change(name, content) if change else content for name, content in own.items()}
    return pack((changed | parts).items())


def _sheet(rows: bytes) -> dict[str, bytes]:
    body = b"<worksheet " + MAIN.encode() + b"><sheetData>" + rows + b"</sheetData></worksheet>"
    return {"xl/worksheets/sheet1.xml": body}


def _with_strings(content: bytes) -> bytes:
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    override = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}"/></Types>'.encode()
    return workbook_with(
        {"xl/sharedStrings.xml": content}, lambda _, part: part.replace(b"</Types>", override)
    )


def shared_strings(random: Random, scale: int) -> bytes:
    string = random.choice([b"<si/>", b"<si><t/></si>", b"<si><r><t>a</t></r></si>"])
    return _with_strings(b"<sst " + MAIN.encode() + b">" + string * scale + b"</sst>")


def deep_xml(random: Random, scale: int) -> bytes:
    return workbook_with(_sheet(b"<a>" * scale + b"x" + b"</a>" * scale * random.randrange(2)))


def entities(random: Random, scale: int) -> bytes:
    levels = 3 + min(scale // 10_000, 20)
    lines = ['<!ENTITY e0 "ha">']
    lines += [f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, levels)]
    if random.random() < 0.3:
        lines = ['<!ENTITY e0 SYSTEM "file:///etc/passwd">']
        levels = 1
    text = f'<?xml version="1.0"?><!DOCTYPE sst [{"".join(lines)}]><sst {MAIN}><si><t>&e{levels - 1};</t></si></sst>'
    codec = random.choice(["utf-8", "utf-16"])
    return _with_strings(text.encode(codec))


def many_sheets(random: Random, scale: int) -> bytes:
    sheets = "".join(f'<sheet name="s{n}" sheetId="{n}" r:id="rId1"/>' for n in range(1, scale))
    return workbook_with(
        {},
        lambda name, content: (
            content.replace(b"</sheets>", sheets.encode() + b"</sheets>")
            if name == "xl/workbook.xml"
            else content
        ),
    )


def defined_names(random: Random, scale: int) -> bytes:
    names = "".join(f'<definedName name="n{n}">Sheet!$A$1</definedName>' for n in range(scale))
    return workbook_with(
        {},
        lambda name, content: (
            content.replace(b"</sheets>", f"</sheets><definedNames>{names}</definedNames>".encode())
            if name == "xl/workbook.xml"
            else content
        ),
    )


def many_styles(random: Random, scale: int) -> bytes:
    fonts = b"<fonts>" + b'<font><sz val="11"/></font>' * scale + b"</fonts>"
    return workbook_with({"xl/styles.xml": b"<styleSheet " + MAIN.encode() + b">" + fonts + b"</styleSheet>"})


def far_cells(random: Random, scale: int) -> bytes:
    step = random.choice([1, 1000])
    rows = b"".join(
        b'<row r="%d"><c r="XFD%d"><v>1</v></c></row>' % (n, n) for n in range(1, scale * step, step)
    )
    return workbook_with(_sheet(b'<dimension ref="A1:XFD1048576"/>' + rows))


def long_cell(random: Random, scale: int) -> bytes:
    cell = b'<row><c t="inlineStr"><is><t>' + b"x" * scale + b"</t></is></c></row>"
    return workbook_with(_sheet(cell * random.randrange(1, 4)))


def formulas(random: Random, scale: int) -> bytes:
    rows = b"<row><c><f>cmd|' /C calc'!A0</f></c><c><f>1+1</f><v>2</v></c></row>" * scale
    return workbook_with(_sheet(rows))


def blown_up_part(random: Random, scale: int) -> bytes:
    parts = {random.choice([SECOND_SHEET, "xl/media/a.png"]): b" " * scale * 1000}
    return workbook_with(parts)


def lying_sizes(random: Random, scale: int) -> bytes:
    """Understate an entry's unpacked size in both headers."""
    data = pack([("a.json", json.dumps([MESSAGE] * scale).encode())])
    entry, directory = data.index(b"PK\x03\x04"), data.index(b"PK\x01\x02")
    size = random.randrange(100).to_bytes(4, "little")
    edited = bytearray(data)
    edited[entry + 22 : entry + 26] = edited[directory + 24 : directory + 28] = size
    return bytes(edited)


def nested_zip(random: Random, scale: int) -> bytes:
    data = b"x" * scale
    for _ in range(random.randrange(2, 8)):
        data = pack([("a.json", data)])
    return data


def overlapping_zip(random: Random, scale: int) -> bytes:
    """Let many names stand for the same packed bytes, as a bomb without nesting does."""
    data = pack([("00000.json", json.dumps([MESSAGE] * scale).encode())])
    start = data.index(b"PK\x01\x02")
    entry = data[start : data.index(b"PK\x05\x06")]
    count = random.randrange(2, 400)
    entries = b"".join(entry.replace(b"00000.json", b"%05d.json" % n) for n in range(count))
    end = b"PK\x05\x06" + bytes(4) + count.to_bytes(2, "little") * 2
    return (
        data[:start]
        + entries
        + end
        + len(entries).to_bytes(4, "little")
        + start.to_bytes(4, "little")
        + b"\0\0"
    )


def many_entries(random: Random, scale: int) -> bytes:
    return pack((f"{n}.json", b"[]") for n in range(min(scale, 60_000)))


def path_names(random: Random, scale: int) -> bytes:
    names = [
        "../a.json",
        "/etc/a.json",
        "C:\\a.json",
        "a\0.json",
        "..\\..\\a.json",
        "\u202egnp.json",
        "~/a.json",
    ]
    content = json.dumps([MESSAGE]).encode()
    return pack([(random.choice(names), content), ("x" * min(scale, 60_000) + ".json", content)])


def deep_json(random: Random, scale: int) -> bytes:
    opening, closing = random.choice([("[", "]"), ('{"messages":', "}"), ('[{"a":', "}]")])
    return (opening * scale + "1" + closing * scale * random.randrange(2)).encode()


def wide_json(random: Random, scale: int) -> bytes:
    value: Any = random.choice([[], {}, MESSAGE, 1, "x"])
    return json.dumps(random.choice([[value] * scale, {"messages": [value] * scale}])).encode()


def many_keys(random: Random, scale: int) -> bytes:
    return json.dumps([{f"k{n}": n for n in range(scale)}]).encode()


def odd_values(random: Random, scale: int) -> bytes:
    odd = [
        '"\\ud800"',
        "1e999",
        "9" * min(scale, 50_000),
        "NaN",
        '"\\u0000"',
        '{"a":1,"a":2}',
        "-0",
        '"\u2028"',
    ]
    content = random.choice(odd)
    return f'[{{"role": "user", "content": {content}}}]'.encode()


def unclosed_quote(random: Random, scale: int) -> bytes:
    return b'a,b\n1,"' + random.choice([b"x", b'""', b"\n", b'"\n"']) * scale


def million_columns(random: Random, scale: int) -> bytes:
    return random.choice([b",", b"a,", b'"",']) * scale + b"\n" + b",".join([b"x"] * random.randrange(1, 9))


def many_cells(random: Random, scale: int) -> bytes:
    width = random.randrange(2, 200)
    return (b",".join(b"%d" % n for n in range(width)) + b"\n") * (scale // width + 2)


def blank_lines(random: Random, scale: int) -> bytes:
    return b"a,b\n" + random.choice([b"\n", b",\n", b" \r", b"\xc2\xa0\n"]) * scale + b"1,2\n"


def odd_bytes(random: Random, scale: int) -> bytes:
    start = random.choice([b"", b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\0\0", b"\xef\xbb\xbf", b"a,b\n\0"])
    return start + random.randbytes(min(scale, 20_000))


def presets(random: Random, scale: int) -> bytes:
    many = [f"p{n}" for n in range(min(scale, 5_000))]
    names = random.choice([["p" * scale], many, ["=cmd|'/C calc'!A0"], ["\u202e"]])
    values = {"temperature": random.choice([1e308, -1, "x", True, None, [[]]])}
    body = [{"name": name, "parameters": random.choice([values, {}])} for name in names]
    return json.dumps(
        {"format": preset_file.FORMAT, "version": preset_file.VERSION, "presets": body}
    ).encode()


def mutated(good: bytes, random: Random, scale: int) -> bytes:
    """Change, cut, double and swap parts of an honest file."""
    data = bytearray(good)
    for _ in range(random.randrange(1, 8)):
        place = random.randrange(len(data) or 1)
        match random.randrange(4):
            case 0:
                data[place : place + 1] = random.randbytes(1)
            case 1:
                del data[place : place + random.randrange(1, 40)]
            case 2:
                data[place:place] = data[place : place + random.randrange(1, 200)] * random.randrange(1, 50)
            case _:
                data[place:place] = random.choice([b"\0", b"PK\x01\x02", b'"', b"]]>", b"\xff\xff\xff\xff"])
    return bytes(data)


def _good_files() -> dict[str, tuple[str, str, bytes]]:
    zipped = pack([(f"{n}.json", json.dumps([MESSAGE] * 3).encode()) for n in range(3)])
    shipped = preset_file.dump_presets(preset_file.shipped_presets(default_model())).encode()
    return {
        "workbook": ("table", "a.xlsx", make_workbook(["text", "n"], ["=1+1", 2], ["ä", 0.5])),
        "csv": ("table", "a.csv", b'text,n\n"a ""b""",1\nc,2\n' * 5),
        "zip": ("conversations", "a.zip", zipped),
        "presets": ("presets", "a.json", shipped),
    }


Build = Callable[[Random, int], bytes]
_SPREADSHEETS: tuple[Build, ...] = (
    shared_strings,
    deep_xml,
    entities,
    many_sheets,
    defined_names,
    many_styles,
    far_cells,
    long_cell,
    formulas,
    blown_up_part,
)
_ZIPS: tuple[Build, ...] = (lying_sizes, nested_zip, overlapping_zip, many_entries, path_names)
_JSON: tuple[Build, ...] = (deep_json, wide_json, many_keys, odd_values)
_TEXTS: tuple[Build, ...] = (unclosed_quote, million_columns, many_cells, blank_lines, odd_bytes)
FAMILIES: tuple[tuple[str, str, str, Build], ...] = (
    *((build.__name__, "table", "a.xlsx", build) for build in (*_SPREADSHEETS, *_ZIPS)),
    *((build.__name__, "table", "a.jsonl", build) for build in _JSON),
    *((build.__name__, "table", "a.csv", build) for build in _TEXTS),
    *((build.__name__, "conversations", "a.zip", build) for build in (*_ZIPS, shared_strings)),
    *((build.__name__, "conversations", "a.json", build) for build in (*_JSON, odd_bytes)),
    *((build.__name__, "presets", "a.json", build) for build in (presets, *_JSON, *_ZIPS, odd_bytes)),
    *(
        (f"mutated {family}", kind, name, partial(mutated, data))
        for family, (kind, name, data) in _good_files().items()
    ),
)


def hostile_files(seed: int, count: int, max_scale: int) -> Iterable[HostileFile]:
    """Yield that many files: every family in turn, its repetitions between 1 and ``max_scale``, often the most."""
    random = Random(seed)
    for number in range(count):
        family, kind, name, build = FAMILIES[number % len(FAMILIES)]
        scale = max_scale if random.random() < 0.3 else int(max_scale ** random.random())
        yield HostileFile(family, kind, name, build(random, max(scale, 1)))

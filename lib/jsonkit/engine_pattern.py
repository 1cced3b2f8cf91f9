"""Translate JavaScript's regular expressions to those of llguidance, which holds the twin's answers to a pattern.

Its engine is Rust's, without assertions (``\\b``, look-around) and back references. What it cannot do is left out:
the answer may then break the pattern, so it is checked afterwards. The page names what is left out beside the schema.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

# More repetitions take the engine too long to compile.
MAX_REPETITIONS = 999

_QUANTIFIER = re.compile(r"\{([0-9]+)(,([0-9]*))?\}")
_GROUP = re.compile(r"\((?:\?(?:<[^=!>][^>]*>|[i-]*:|<?[=!]))?")
_ESCAPE = re.compile(
    r"\\(?:u\{([0-9A-Fa-f]+)\}|u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|c([A-Za-z])|([pP]\{[^}]*\})|(k<[^>]*>|[1-9][0-9]*)|(.))",
    re.DOTALL,
)
_SURROGATE_PAIR = re.compile(r"\\u[Dd][89ABab][0-9A-Fa-f]{2}\\u[Dd][C-Fc-f][0-9A-Fa-f]{2}")
# JavaScript's classes. Those of the engine are Unicode's.
_SPACES = r"\t-\r\x{20}\x{a0}\x{feff}\x{2028}\x{2029}\p{Zs}"
_CLASSES = {
    "d": "[0-9]",
    "D": "[^0-9]",
    "w": "[0-9A-Za-z_]",
    "W": "[^0-9A-Za-z_]",
    "s": f"[{_SPACES}]",
    "S": f"[^{_SPACES}]",
}
_CONTROLS = {"n": 10, "r": 13, "t": 9, "v": 11, "f": 12, "0": 0}
_DOT = r"[^\n\r\x{2028}\x{2029}]"
_ANY_CHARACTER = r"[\x{0}-\x{10ffff}]"

_LOOK_AHEAD = "(?="
_LOOK_AROUND = {
    _LOOK_AHEAD: "a look-ahead (?=…) that is not at the beginning",
    "(?!": "a negative look-ahead (?!…)",
    "(?<=": "a look-behind (?<=…)",
    "(?<!": "a negative look-behind (?<!…)",
}


@dataclass(frozen=True)
class EnginePattern:
    """A pattern for the engine: a text has to match all of ``parts``. ``left_out`` names what they do not hold.

    ``parts`` is empty if nothing can be translated.
    """

    parts: tuple[str, ...]
    left_out: tuple[str, ...] = ()


def translate(pattern: str) -> EnginePattern:
    """Translate a pattern that ``ecma_regex.check_pattern`` accepts."""
    try:
        return _Translation(pattern).translate()
    except _Untranslatable as error:
        return EnginePattern((), (error.what,))
    except IndexError:  # the pattern has another syntax than this reader knows
        return EnginePattern((), ("its syntax",))


class _Untranslatable(Exception):
    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


@dataclass
class _Translation:
    """Reads the pattern once, from left to right."""

    pattern: str
    place: int = 0
    depth: int = 0
    has_alternatives: bool = False
    left_out: list[str] = field(default_factory=list)

    def translate(self) -> EnginePattern:
        conditions: list[str] = []
        if self.pattern.startswith(f"^{_LOOK_AHEAD}"):
            self.place = 1
            # At the beginning, what is ahead is the whole text: a pattern of its own.
            while self.pattern.startswith(_LOOK_AHEAD, self.place):
                conditions.append(f"^(?:{self._inside(_LOOK_AHEAD)})")
        main = ("^" if conditions else "") + self._alternatives()
        if conditions and self.has_alternatives:  # the look-ahead belongs to the first alternative only
            conditions = []
            self.left_out.append(_LOOK_AROUND[_LOOK_AHEAD])
        return EnginePattern((*conditions, main), tuple(dict.fromkeys(self.left_out)))

    def _alternatives(self) -> str:
        """Translate up to the end of the group or of the pattern."""
        translated = ""
        while self.place < len(self.pattern) and not (self.depth and self.pattern[self.place] == ")"):
            translated += self._term()
        return translated

    def _inside(self, opening: str) -> str:
        """Translate what is in a group, and skip its end."""
        self.place += len(opening)
        self.depth += 1
        inside = self._alternatives()
        self.depth -= 1
        self.place += 1
        return inside

    def _term(self) -> str:
        character = self.pattern[self.place]
        match character:
            case "(":
                return self._group()
            case "[":
                return self._class()
            case "\\":
                code = self._escape(in_class=False)
                return code if isinstance(code, str) else _write(code)
            case "{" if quantifier := _QUANTIFIER.match(self.pattern, self.place):
                self.place = quantifier.end()
                return _write_quantifier(quantifier)
        self.place += 1
        if character == "|" and not self.depth:
            self.has_alternatives = True
        if character == ".":
            return _DOT
        return character if character in "^$|*+?" else _write(ord(character))

    def _group(self) -> str:
        match = _GROUP.match(self.pattern, self.place)
        opening = match[0] if match else "("
        if opening == "(" and self.pattern.startswith("(?", self.place):
            raise _Untranslatable("a group with flags")
        inside = self._inside(opening)
        if opening in _LOOK_AROUND:
            self.left_out.append(_LOOK_AROUND[opening])
            return ""
        # Names and numbers of groups are for back references only.
        return f"{opening if opening.endswith(':') else '(?:'}{inside})"

    def _class(self) -> str:
        self.place += 1
        is_negated = self.pattern[self.place] == "^"
        self.place += is_negated
        items = ""
        while self.pattern[self.place] != "]":
            low = self._class_item()
            is_range = self.pattern[self.place] == "-" and self.pattern[self.place + 1] != "]"
            if isinstance(low, str) or not is_range:
                items += low if isinstance(low, str) else _write(low)
                continue
            self.place += 1
            high = self._class_item()
            items += (
                f"{_write(low)}-{_write(high)}"
                if isinstance(high, int)
                else f"{_write(low)}{_write(45)}{high}"
            )
        self.place += 1
        if not items:
            if is_negated:
                return _ANY_CHARACTER
            raise _Untranslatable("an empty class []")
        return f"[{'^' if is_negated else ''}{items}]"

    def _class_item(self) -> int | str:
        """Return a character's code, or the engine's words for a class."""
        if self.pattern[self.place] == "\\":
            return self._escape(in_class=True)
        self.place += 1
        return ord(self.pattern[self.place - 1])

    def _escape(self, *, in_class: bool) -> int | str:
        """Return a character's code, or the engine's words for a class."""
        if pair := _SURROGATE_PAIR.match(self.pattern, self.place):
            self.place = pair.end()
            high, low = (int(half, 16) for half in pair[0].split("\\u")[1:])
            return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)
        escape = _ESCAPE.match(self.pattern, self.place)
        if escape is None:
            raise _Untranslatable("its syntax")
        self.place = escape.end()
        point, unit, byte, control, unicode_class, reference, letter = escape.groups()
        if code := point or unit or byte:
            if 0xD800 <= int(code, 16) < 0xE000:
                raise _Untranslatable("half a character")
            return int(code, 16)
        if control:
            return ord(control) % 32
        if unicode_class:
            return f"\\{unicode_class}"
        if reference:
            raise _Untranslatable("a back reference")
        if letter in "bB" and not in_class:
            self.left_out.append("a word boundary (\\b)")
            return ""
        if letter == "b":
            return 8
        return _CLASSES.get(letter) or _CONTROLS.get(letter, ord(letter))


def _write_quantifier(quantifier: re.Match[str]) -> str:
    least, has_comma, most = int(quantifier[1]), quantifier[2], quantifier[3]
    if least > MAX_REPETITIONS:
        raise _Untranslatable(f"more than {MAX_REPETITIONS} repetitions")
    if not has_comma:
        return f"{{{least}}}"
    return f"{{{least},{min(int(most), MAX_REPETITIONS) if most else ''}}}"


def _write(code: int) -> str:
    character = chr(code)
    return character if character.isalnum() and character.isascii() else f"\\x{{{code:x}}}"

"""A text of strangers in; the text a person reads in it, and the way from its words back to the original, out.

Letters that look like Latin ones, letters split by invisible characters and terminal sequences hide a word from a
search, not from a reader. Text in other scripts stays as it is.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

_LONG = 4000
"""Longer texts are not kept: a cache of them would grow large."""

# --- kinds of characters --------------------------------------------------------------------------------------------

# What needs no second look: printable ASCII, line ends, accented Latin letters, quotation marks and dashes.
_PLAIN = re.compile(r"[\n\r -~¡-¬®-ɏḀ-ỿ‐‑–—―‘-‟•…′″€™]*")
_MARK = "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_COMBINING = re.compile(f"[{_MARK}]+")
_INVISIBLE = (
    "\u00ad\u034f\u061c\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_BLANK = "\u00a0\u115f\u1160\u1680\u2000-\u200a\u202f\u205f\u2800\u3164\uffa0"
_LINE_ENDS = "\n\r\x0b\x0c\x85\u2028\u2029"
# Only the sequence itself: what follows an introducer that is never ended is text, and may be what happened.
_SEQUENCE = r"(?:\x1b\[|\x9b)(?:[0-9;:?]+[A-Za-z]|[A-Za-z](?!\w))|\x1b[()][0-9A-B](?!\w)|\x1b[\]PX^_](?:\d{1,3};)?"
_CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
_OVERRIDES = "\u202a-\u202e\u2066-\u2069\u2028\u2029\U000e0000-\U000e007f"

COMMANDS = re.compile(f"{_SEQUENCE}|{_CONTROL}|[{_OVERRIDES}]+")
"""What no printed line may hold: terminal sequences, control characters, reversals of direction, hidden tags."""

_SPACE = re.compile(rf"{_CONTROL}|[\t{_BLANK}]")
_UNSEEN = re.compile(f"[{_INVISIBLE}]")
_STRANGE = re.compile(
    rf"{_CONTROL}|\t|[{_INVISIBLE}{_BLANK}{_MARK}\u2028\u2029\u0250-\u02af\u1d00-\u1dbf\u2024\u2070-\u209f\u2100-\u218b\u2460-\u24ff"
    "\ua730-\ua731\ufb00-\ufb06\ufe50-\ufe6f\uff01-\uffef\U0001d400-\U0001d7ff\U0001f110-\U0001f1ff]"
)
_PIECE = re.compile(rf"{_SEQUENCE}|[\s\S][{_MARK}]*")
_JOINERS = "\u200c\u200d"
_LETTERS = re.compile(r"[^\W\d_]+")
_LATIN = re.compile(r"[A-Za-zÀ-ÖØ-öø-ɏḀ-ỿ]")
_LATIN_WORD = re.compile(r"[A-Za-zÀ-ÖØ-öø-ɏḀ-ỿ]+")
_LIGATURE = re.compile("[ﬀ-ﬆ]")
_REGIONAL = re.compile("[\U0001f1e6-\U0001f1ff]{5,}")

# --- letters that look alike ----------------------------------------------------------------------------------------

# The same shape in any print: Cyrillic, Greek, Armenian, Cherokee; small capitals, and letters of phonetics.
_TWINS = str.maketrans(
    "асеорхуіјѕһԁԛԝүАВСЕНІЈКМОРЅТХУԚԜҮӀ" + "οϲϳΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹ" + "օՕԼ" + "ᎪᎫᎬᎳᎷᎻᏀᏃᏚᏙᏞᏟᏢᏦᏴᎠᎢ"
    "ɑɡɩɪᴀʙᴄᴅᴇꜰɢʜᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ",
    "aceopxyijshdqwyABCEHIJKMOPSTXYQWYI" + "ocjABEZHIKMNOPTYXC" + "oOL" + "AJEWMHGZSVLCPKBDT"
    "agiiabcdefghjklmnoprstuvwyz",
)
# Similar enough to be read so within a word of other Latin letters.
_SIMILAR = _TWINS | str.maketrans(
    "вкмнтпгёӏьѵ" + "αβγειηκνρστυχω" + "սհոգզյՍ", "bkmhtnrelbv" + "abyeinkvpotuxw" + "uhngqjU"
)
_ALIKE = re.compile(f"[{''.join(map(chr, _SIMILAR))}]")
# Capitals in squares and black circles, which no normal form resolves.
_BOXED = {first + i: chr(65 + i) for first in (0x1F130, 0x1F150, 0x1F170) for i in range(26)}


@dataclass(frozen=True, slots=True)
class Readable:
    """A text as it is read.

    Attributes:
        text: for matching.
        original: as it came.
        starts: of each character of `text`, the position in the original; empty where they are the same.
        ends: of each character of `text`, one past its last position in the original; empty where they are the same.
    """

    text: str
    original: str
    starts: tuple[int, ...] = ()
    ends: tuple[int, ...] = ()

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where the characters [start, end) of `text`, at least one, stand in the original."""
        if not self.starts:
            return start, end
        return self.starts[start], self.ends[end - 1]

    def quote(self, words: str, start: int, end: int) -> str:
        """What a quote from `text` says in the original, verbatim.

        Args:
            words: a part of `text` that covers [start, end).
            start: first character, in `text`, of what is quoted for.
            end: one past its last.

        Returns:
            A part of the original without control characters: the one with the most of [start, end) in it.
        """
        if not self.starts:
            return words
        at = max(self.text.find(words, max(0, end - len(words)), start + len(words)), 0)
        left, right = self.span(at, at + len(words))
        first, last = self.span(start, end)
        edges = [left, *(edge for m in COMMANDS.finditer(self.original, left, right) for edge in m.span()), right]
        pieces = zip(edges[::2], edges[1::2], strict=True)
        a, b = max(pieces, key=lambda piece: min(piece[1], last) - max(piece[0], first))
        return self.original[a:b].strip()

    def disguised(self) -> list[tuple[int, int]]:
        """Spans of the original that hide a Latin word from a search: foreign or split letters, or letters struck out.

        Accents, ligatures and a styled letter or two are no disguise.
        """
        if not self.starts:
            return []
        found = []
        for word in _LETTERS.finditer(self.text):
            start, end = self.span(*word.span())
            shown = self.original[start:end]
            if len(word.group()) < 2 or shown == word.group() or not _LATIN_WORD.fullmatch(word.group()):
                continue
            plain = unicodedata.normalize("NFKC", shown)
            styled = sum(not (_LATIN.match(c) or _LIGATURE.match(c) or _COMBINING.match(c)) for c in shown)
            if plain != word.group() or styled > 2:
                found.append((start, end))
        return found


def readable(text: str) -> Readable:
    """The text a person reads.

    Letters written apart (accents, styles, full width) are put together, invisible characters and reversals of
    direction are taken out, tabs, control characters and terminal sequences become a space, line separators a newline.
    Look-alike letters become Latin ones within words that mix scripts, and in words that are nothing else where all
    other words are Latin. Ordinary text, in whatever script, is given back unchanged.

    Args:
        text: any; its length and content do not matter.
    """
    if (text.isascii() and text.isprintable()) or _PLAIN.fullmatch(text):
        return Readable(text, text)
    return _read_known(text) if len(text) <= _LONG else _read(text)


@lru_cache(maxsize=1 << 14)
def _read_known(text: str) -> Readable:
    return _read(text)


def _read(text: str) -> Readable:
    mixed = _ALIKE.search(text) is not None and _LATIN.search(text) is not None
    if not mixed and not _STRANGE.search(text):
        return Readable(text, text)
    shown = _REGIONAL.sub(lambda m: "".join(chr(ord(c) - 0x1F1E6 + 65) for c in m.group()), text)
    latin = _mostly_latin(shown)
    out: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for piece in _PIECE.finditer(shown):
        for char in piece.group() if _joins(shown, piece.start()) else _spelled(piece.group(), latin):
            out.append(char)
            starts.append(piece.start())
            ends.append(piece.end())
    told = _latinised("".join(out), latin)
    return Readable(text, text) if told == text else Readable(told, text, tuple(starts), tuple(ends))


def _joins(text: str, at: int) -> bool:
    """Whether a joiner belongs to the spelling, as it does in Persian and in the scripts of India."""
    return text[at] in _JOINERS and any("\u0600" <= c <= "\u1fff" for c in text[max(0, at - 1) : at + 2 : 2])


@lru_cache(maxsize=1 << 12)
def _spelled(piece: str, latin: bool) -> str:
    """What a character with its marks, or a terminal sequence, is read as.

    Args:
        piece: a terminal sequence, or one character and the marks that follow it.
        latin: the text is Latin for the most part; the letters of others keep their style and their marks.
    """
    first = piece[0]
    if first in _LINE_ENDS:
        return first if first in "\n\r" else "\n"
    if _SPACE.match(first) or (latin and first == "\u3000"):
        return " "
    if _UNSEEN.match(first):
        return ""
    if not latin:
        return unicodedata.normalize("NFC", piece)
    first = _BOXED.get(ord(first)) or first
    letter = first if _PLAIN.fullmatch(first) else unicodedata.normalize("NFKC", first)
    if not (len(letter) == 1 and letter.isascii()) and not _LIGATURE.match(first):
        letter = first
    # Marks that make another letter stay (é), those that strike it out do not.
    return _COMBINING.sub("", unicodedata.normalize("NFC", letter + piece[1:]))


def _mostly_latin(text: str) -> bool:
    """Whether most letters are Latin, whatever their style."""
    latin = sum(map(_is_latin, text))
    return latin >= sum(c.isalpha() for c in text) - latin


@lru_cache(maxsize=1 << 12)
def _is_latin(char: str) -> bool:
    if _LATIN.match(char) or ord(char) in _BOXED:
        return True
    return "LATIN" in unicodedata.name(char, "") or _LATIN.match(unicodedata.normalize("NFKC", char)) is not None


def _latinised(text: str, latin: bool) -> str:
    """The text with look-alike letters made Latin, where they stand for Latin ones; of equal length.

    A text that is Latin for the most part and holds words truly written in another script keeps the short words of that
    script which happen to have look-alike letters only.
    """
    if not _ALIKE.search(text):
        return text
    if latin:
        words = [word.translate(_SIMILAR) for word in _LETTERS.findall(text)]
        latin = all(_LATIN_WORD.fullmatch(word) for word in words)

    def made(word: re.Match[str]) -> str:
        if not latin and not _LATIN.search(word.group()):
            return word.group()
        plain = word.group().translate(_SIMILAR if latin else _TWINS)
        return plain if _LATIN_WORD.fullmatch(plain) else word.group()

    return _LETTERS.sub(made, text)

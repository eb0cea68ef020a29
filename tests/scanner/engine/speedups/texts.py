"""Texts to compare a speed-up with the stock function on: ScanCode's rules, real sources, and what can befall them."""

from __future__ import annotations

import random
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import licensedcode

DATA = Path(licensedcode.__file__).parent / "data"
SOURCES = Path(sysconfig.get_path("stdlib"))


def rule_files() -> list[Path]:
    """Return all of ScanCode's rule and licence texts."""
    return sorted([*DATA.glob("rules/*.RULE"), *DATA.glob("licenses/*.LICENSE")])


def source_files() -> list[Path]:
    """Return sources of the Python library itself."""
    return sorted(SOURCES.glob("*/*.py"))


def sample(count: int, seed: int = 1) -> list[str]:
    """Return texts: about half as they are, the others broken, mixed, truncated or minified; the same for a seed."""
    chance = random.Random(seed)
    rules, sources = rule_files(), source_files()

    def text() -> str:
        files = sources if chance.random() < 0.25 else rules
        return chance.choice(files).read_text(errors="replace")

    return [chance.choice([as_it_is, as_it_is, broken, mixed, truncated, minified])(chance, text) for _ in range(count)]


def as_it_is(_chance, text):
    return text()


def truncated(chance, text):
    whole = text()
    start = chance.randrange(len(whole) + 1)
    return whole[start : start + chance.randrange(2000)]


def mixed(chance, text):
    lines = [line for _ in range(chance.randrange(2, 5)) for line in _some_lines(chance, text())]
    if chance.random() < 0.3:
        chance.shuffle(lines)
    return "\n".join(lines)


def broken(chance, text):
    characters = list(text()[:4000])
    for _ in range(max(1, len(characters) // 40)):
        if characters:
            characters[chance.randrange(len(characters))] = chance.choice("\0 \n{}İßﬁ1xX,;\u2028\x0c\x85+é_<>@\r")
    return "".join(characters)


def minified(chance, text):
    return ";".join(" ".join(text().split()) for _ in range(chance.randrange(1, 4)))


def _some_lines(chance, text) -> Iterator[str]:
    lines = text.splitlines()
    start = chance.randrange(len(lines) + 1)
    yield from lines[start : start + chance.randrange(60)]
    yield from [""] * chance.randrange(20)


def write(folder: Path, texts: list[str]) -> list[str]:
    """Write each text to a file of its own, as the strict bytes that it stands for, and return the locations."""
    locations = []
    for number, text in enumerate(texts):
        path = folder / f"{number}{random.Random(number).choice(['.txt', '.py', '.js', '.html', '.c', '', '.min.js'])}"
        encoding = "latin-1" if number % 7 == 3 else "utf-8"
        path.write_bytes(text.encode(encoding, errors="replace"))
        locations.append(str(path))
    return locations

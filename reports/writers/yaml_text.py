"""JSON values as YAML text, in block style.

A YAML library's emitter looks at each text from all sides and takes fifty times as long as JSON, in C too: minutes for
a large report on a busy machine. This is the part of YAML that JSON values need; readers of YAML 1.1 and 1.2 read it
back as equal.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

#: Texts that can stay as they are, because nothing in them means anything to YAML, wherever it stands.
_PLAIN = re.compile(
    r"(?!(?:true|false|yes|no|on|off|null|y|n)\Z)[a-z_/](?:[\w./+@%=?&~,;()-]|:(?=[\w/])| (?=[a-z(]))*", re.A | re.I
)
#: Texts of several lines that can stay as they are, each line indented.
_LINES = re.compile(
    "(?![\t\n \xa0])[\t\n -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]*(?<!\\s)\n?"
)
#: What JSON leaves as it is, and YAML refuses or takes for the end of a line.
_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
#: Keys that are longer need a mark of their own (YAML ends a search for their colon after 1024 characters).
_LONGEST_KEY = 500


def block(value: Any) -> str:
    """Return the lines of a JSON list or object; texts must be such as UTF-8 can hold."""
    if not value:
        return f"{value}\n"
    lines: list[str] = []
    _add(value, "", lines)
    return "".join(lines)


def _add(value: Any, margin: str, lines: list[str]) -> None:
    """Add the lines of a list or object that is not empty."""
    deeper = margin + "  "
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(item, (dict, list)):
                lines.append(f"{_key(key, margin)} {_scalar(item, deeper)}\n")
            elif item:
                lines.append(_key(key, margin) + "\n")
                _add(item, deeper if isinstance(item, dict) else margin, lines)
            else:
                lines.append(f"{_key(key, margin)} {item}\n")
        return
    for item in value:
        if not isinstance(item, (dict, list)):
            lines.append(f"{margin}- {_scalar(item, deeper)}\n")
        elif item:
            first = len(lines)
            _add(item, deeper, lines)
            lines[first] = f"{margin}- {lines[first][len(deeper) :]}"
        else:
            lines.append(f"{margin}- {item}\n")


@lru_cache(maxsize=1000)
def _key(key: str, margin: str) -> str:
    text = key if _PLAIN.fullmatch(key) else _quoted(key)
    return f"{margin}{text}:" if len(text) <= _LONGEST_KEY else f"{margin}? {text}\n{margin}:"


def _scalar(value: str | float | None, margin: str) -> str:
    # Not by way of the cache, to which -0.0 and 0.0 are the same.
    return _float(value) if isinstance(value, float) else _remembered(value, margin)


# Most values of a report are those of the last files again. Typed, because 1 and true are equal.
@lru_cache(maxsize=2000, typed=True)
def _remembered(value: str | int | None, margin: str) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value):
        return value
    return _literal(value, margin) if "\n" in value and _LINES.fullmatch(value) else _quoted(value)


def _literal(text: str, margin: str) -> str:
    lines = [margin + line if line else "" for line in text.removesuffix("\n").split("\n")]
    return ("|\n" if text.endswith("\n") else "|-\n") + "\n".join(lines)


def _quoted(text: str) -> str:
    return _NOT_IN_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))


def _float(value: float) -> str:
    # A number with an exponent and without a point is a text to YAML 1.1.
    text = repr(value)
    special = {"nan": ".nan", "inf": ".inf", "-inf": "-.inf"}
    return special.get(text) or (text if "." in text else text.replace("e", ".0e"))

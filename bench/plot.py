"""A plain bar chart as SVG: one number for each name."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

_WIDTH, _LEFT, _ROW = 720, 170, 26


def bars(title: str, values: Sequence[tuple[str, float]]) -> str:
    """Return the chart."""
    most = max((value for _, value in values), default=1.0) or 1.0
    height = _ROW * (len(values) + 2)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif"'
        ' font-size="13">',
        f'<text x="0" y="16" font-weight="bold">{escape(title)}</text>',
    ]
    for number, (name, value) in enumerate(values, 1):
        y = _ROW * number + 4
        width = (_WIDTH - _LEFT - 60) * value / most
        parts += [
            f'<text x="{_LEFT - 8}" y="{y + 15}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{_LEFT}" y="{y}" width="{width:.1f}" height="{_ROW - 6}" fill="#1f5fb4"/>',
            f'<text x="{_LEFT + width + 6:.1f}" y="{y + 15}">{value:.1f}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])

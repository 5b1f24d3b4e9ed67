"""The figure: medians as bars, with minimum and maximum, by hand in SVG."""

from xml.sax.saxutils import escape

from .work_network import MODELS
from .work_step import FEW_STEPS, REGIMES

BLOCK = "product in a block of 4"

PANELS = [
    ("network", "gradient", "Gradient"),
    ("network", "product in a block of 1", "Product alone"),
    ("network", "product in a block of 4", "Product in a block of 4"),
    *[("step", regime, f"Step with 2 eigenvalues, {regime}") for regime in REGIMES],
    ("cnn", "gradient", "CNN, gradient"),
    ("cnn", "product in a block of 4", "CNN, product in a block of 4"),
    ("cnn", FEW_STEPS, "CNN, step with 2 eigenvalues"),
    *[
        (model, item, f"{title}, {item}")
        for model, (title, _, _) in MODELS.items()
        for item in ("gradient", BLOCK, FEW_STEPS)
    ],
    ("figure1a", "whole command", "Figure 1(a), whole command"),
]

WIDTH, LEFT, RIGHT = 860, 250, 130
BAR, GAP, HEAD = 16, 6, 34
OURS, THEIRS = "#c2452d", "#6b7f99"


def svg(results, subtitle):
    """The figure of all panels that were measured; each panel has its own scale."""
    parts, top = [], 58
    for work, item, title in PANELS:
        bars = [
            (name, results.median(work, item, name), results.of(work, item, name))
            for name in results.contestants(work, item)
        ]
        if bars:
            parts.append(panel(title, bars, top))
            top += HEAD + len(bars) * (BAR + GAP)
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top + 16}" '
        f'viewBox="0 0 {WIDTH} {top + 16}" font-family="sans-serif" font-size="12" fill="#222">',
        f'<rect width="{WIDTH}" height="{top + 16}" fill="white"/>',
        '<text x="20" y="24" font-size="16" font-weight="bold">Brink and its peers</text>',
        f'<text x="20" y="42" fill="#666">{escape(subtitle)}</text>',
    ]
    return "\n".join([*head, *parts, "</svg>"]) + "\n"


def panel(title, bars, top):
    """One panel: a bar a contestant, from zero."""
    largest = max(median for _, median, _ in bars)
    scale = (WIDTH - LEFT - RIGHT) / largest
    parts = [f'<text x="20" y="{top + 18}" font-weight="bold">{escape(title)}</text>']
    for index, (name, median, values) in enumerate(bars):
        y = top + HEAD - 6 + index * (BAR + GAP)
        middle, length = y + BAR / 2, median * scale
        colour = OURS if name.startswith("brink") else THEIRS
        low, high = (LEFT + min(bound * scale, WIDTH - LEFT - 8) for bound in extremes(values))
        label = max(LEFT + length, high) + 8
        anchor = "start"
        if label > WIDTH - 60:
            label, anchor = LEFT + length - 6, "end"
        ink = "#222" if anchor == "start" else "white"
        parts += [
            f'<text x="{LEFT - 8}" y="{middle + 4}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{LEFT}" y="{y}" width="{max(length, 1):.1f}" height="{BAR}" '
            f'fill="{colour}"/>',
            f'<path d="M{low:.1f} {middle}H{high:.1f}M{low:.1f} {middle - 4}v8'
            f'M{high:.1f} {middle - 4}v8" stroke="#222" fill="none"/>',
            f'<text x="{label:.1f}" y="{middle + 4}" text-anchor="{anchor}" fill="{ink}">'
            f"{duration(median)}</text>",
        ]
    return "\n".join(parts)


def extremes(values):
    return min(values), max(values)


def duration(seconds):
    """Seconds in a unit that suits them."""
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"

"""The waterfall of a link as a picture, and the page or file it stands in."""

from __future__ import annotations

from typing import Any

import altair as alt

from pipeline.explain.account import LinkAccount
from pipeline.reports.drawing import BLUE, INK, VERMILLION, WIDTH, Picture, draw, names
from pipeline.reports.tables import percent, words

SVG_NAMESPACE = "http://www.w3.org/2000/svg"
KINDS = {"for": BLUE, "against": VERMILLION, "total": INK}


def waterfall(account: LinkAccount) -> Picture:
    """Prior, comparisons and total as bars from sum to sum, with the thresholds as dashed lines."""
    steps = _steps(account)
    order = [step["name"] for step in steps]
    edges = [edge for step in steps for edge in (step["from"], step["to"])] + [*account.thresholds.values(), 0.0]
    room = 0.18 * (max(edges) - min(edges))
    scale = alt.Scale(domain=[min(edges) - room, max(edges) + room], nice=False)
    base = alt.Chart(alt.Data(values=steps)).encode(y=alt.Y("name:N", sort=order, axis=names()))
    drawn = base.mark_bar(height=16).encode(
        x=alt.X("from:Q", scale=scale, title="bits: each one doubles the odds that it is one person"),
        x2="to:Q",
        color=alt.Color("kind:N", scale=alt.Scale(domain=list(KINDS), range=list(KINDS.values())), legend=None),
    )
    right = base.transform_filter("datum.to >= datum.from").mark_text(align="left", dx=5, fontSize=12, color=INK)
    left = base.transform_filter("datum.to < datum.from").mark_text(align="right", dx=-5, fontSize=12, color=INK)
    labels = [text.encode(x=alt.X("to:Q", scale=scale), text="label:N") for text in (right, left)]
    marks = [{"at": bits, "name": words(name)} for name, bits in account.thresholds.items()]
    at = alt.Chart(alt.Data(values=marks))
    rules = at.mark_rule(strokeDash=[5, 4], strokeWidth=1.5, color=INK).encode(x=alt.X("at:Q", scale=scale))
    flags = at.mark_text(align="center", dy=-8, fontSize=11, color=INK, baseline="bottom").encode(
        x=alt.X("at:Q", scale=scale), y=alt.value(0), text="name:N"
    )
    nought = alt.Chart(alt.Data(values=[{"at": 0}])).mark_rule(color=INK, strokeWidth=0.7).encode(x="at:Q")
    pair = f"records {account.record_a.record_id} ({account.record_a.partner}) and"
    pair += f" {account.record_b.record_id} ({account.record_b.partner})"
    return draw(
        alt.layer(nought, drawn, *labels, rules, flags).properties(width=WIDTH, height=27 * len(order)),
        id="waterfall",
        title=f"Why {pair} are {'' if account.together else 'not '}one person",
        caption="From the prior, what each comparison says moves the sum to the right (for one person) or to the left "
        "(against). The dashed lines are the thresholds. Levels of agreement only; the hub holds no names.",
        description=_description(account, steps),
        header=["Step", "Bits", "Sum"],
        rows=[[step["name"], step["label"], f"{step['to']:+.2f}"] for step in steps],
    )


def _steps(account: LinkAccount) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = [
        {"name": "prior", "from": 0.0, "to": account.prior, "kind": "total", "label": f"{account.prior:+.1f}"}
    ]
    running = account.prior
    for term in account.terms:
        kind = "for" if term.bits >= 0 else "against"
        name = f"{words(term.comparison)}: {words(term.level)}"
        steps.append(
            {
                "name": name,
                "from": running,
                "to": running + term.bits,
                "kind": kind,
                "label": f"{term.bits:+.1f}" if term.bits else "0",
            }
        )
        running += term.bits
    label = f"{account.total:+.1f} ({percent(account.probability, 1)})"
    return [*steps, {"name": "total", "from": 0.0, "to": account.total, "kind": "total", "label": label}]


def _description(account: LinkAccount, steps: list[dict[str, Any]]) -> str:
    told = "; ".join(f"{step['name']} {step['label']}" for step in steps)
    limits = ", ".join(f"{words(name)} at {bits:+.1f}" for name, bits in account.thresholds.items())
    return f"{told}. Thresholds: {limits}. {words(account.decision).capitalize()}, decided by {account.decided_by}."


def standalone(picture: Picture) -> str:
    """The picture as an SVG file of its own."""
    return str(picture.svg).replace("<svg ", f'<svg xmlns="{SVG_NAMESPACE}" ', 1)

"""A piece of the page, and the figures in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from quantsail_html.markup import Html, details, join, select, tag

Spec = Mapping[str, Any]  # data and layout as plotly takes them, with colours by role: "@gain"


@attrs.frozen
class Figure:
    """A drawing with its caption, a text that tells what it shows, and the same in numbers.

    ``variants``: one spec for each choice, by the chosen values joined with ``|``; "" where there is no choice.
    ``choices``: (label, ((value, text), ...)) of each chooser. ``tables``: the numbers of each variant.
    """

    name: str
    title: str
    says: str
    variants: Mapping[str, Spec]
    tables: Mapping[str, Html] = attrs.field(factory=dict)
    choices: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    note: str = ""
    wide: bool = False
    low: bool = False

    def html(self) -> Html:
        """The element; the script draws into it when it comes into view."""
        choosers = [
            select(f"{self.name}-choice-{number}", label, options)
            for number, (label, options) in enumerate(self.choices)
        ]
        plot = tag(
            "div",
            class_="plot low" if self.low else "plot",
            data_figure=self.name,
            role="img",
            aria_label=f"{self.title}. {self.says}",
        )
        caption = tag("figcaption", tag("strong", self.title), " ", tag("span", self.says, class_="says"))
        return tag(
            "figure",
            caption,
            tag("div", *choosers, class_="choosers") if choosers else None,
            plot,
            tag("p", self.note, class_="note") if self.note else None,
            self._numbers(),
            class_="wide" if self.wide else None,
        )

    def _numbers(self) -> Html | None:
        if not self.tables:
            return None
        first = next(iter(self.tables))
        shown = (tag("div", each, data_variant=key, hidden=key != first) for key, each in self.tables.items())
        return details("Numbers", tag("div", *shown, data_of=self.name))


@attrs.frozen
class Section:
    """A titled part of the page: figures and boxes in a grid, and other content above or below it."""

    name: str
    title: str
    figures: tuple[Figure, ...] = ()
    boxes: tuple[Html, ...] = ()
    above: Html = Html("")
    below: Html = Html("")

    def html(self) -> Html:
        """The element."""
        cells = (*(figure.html() for figure in self.figures), *self.boxes)
        grid = tag("div", *cells, class_="grid") if cells else None
        heading = tag("h2", self.title, id=f"{self.name}-title")
        return tag(
            "section", join((heading, self.above, grid, self.below)), id=self.name, aria_labelledby=f"{self.name}-title"
        )


def box(title: str, content: Html) -> Html:
    """A titled cell of the grid without a figure."""
    return tag("div", tag("h3", title), content, class_="box")


def one(data: list[Spec], **layout: Any) -> dict[str, Spec]:
    """The variants of a figure without a choice."""
    return {"": {"data": data, "layout": layout}}

"""The document: sections, the data block, styles and scripts, and the policy that allows these and nothing else."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from quantsail_framework.errors import ComponentError
from quantsail_html import block
from quantsail_html.markup import Html, join, tag
from quantsail_html.run import Run
from quantsail_html.section import Section
from quantsail_html.sections.candles import MOST_IN_VIEW, candles, later_data, market_data
from quantsail_html.sections.equity import equity, months
from quantsail_html.sections.losses import costs, refusals
from quantsail_html.sections.monte_carlo import monte_carlo
from quantsail_html.sections.overview import about, overview
from quantsail_html.sections.setup import setup
from quantsail_html.sections.sweep import sweep
from quantsail_html.sections.trades import trades
from quantsail_html.sections.walk_forward import walk_forward

# In the order in which a reader asks: what came out, what the search found, where, when, at what cost, from what.
SECTIONS: tuple[Callable[[Run], Section | None], ...] = (
    overview,
    sweep,
    walk_forward,
    monte_carlo,
    candles,
    equity,
    months,
    trades,
    costs,
    refusals,
    setup,
)
# plotly's script makes style elements unless there are some of these names: its own, into which it then puts its rules,
# and one for maps, named by a hash, which the report does not draw. With them here none needs to be allowed.
_PLOTLY_STYLE = "plotly.js-style-global"
_HASHED_STYLE = re.compile(r'getElementById\("([0-9a-f]{64})"\)')
_PLACE = "/* kept for plotly */"
_WRAPPED = re.compile(
    r"""(?P<licence>/\*.*?\*/)\s*\(\s*function\(root, factory\) \{[^{}]*\{[^{}]*\} else \{[^{}]*\}\s*\}\s*"""
    r"""\(typeof self !== "undefined" \? self : this, \(\) => \{\s*(?P<bundle>"use strict";var Plotly=.*\S)\s*"""
    r"""window\.Plotly = Plotly;\s*return Plotly;\s*\}\)\);\s*""",
    re.DOTALL,
)


def page(run: Run) -> str:
    """The whole document."""
    found = [section(run) for section in SECTIONS]
    sections = [section for section in found if section is not None]
    styles = (_asset("report.css"), _PLACE)
    scripts = (plotly_script(), _asset("report.js"))
    places = (_PLOTLY_STYLE, *sorted(set(_HASHED_STYLE.findall(scripts[0]))))
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy(scripts, styles)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="generator", content=f"quantsail-html {version('quantsail-html')}"),
        tag("title", f"{run.result.name} ({run.result.kind})"),
        tag("style", Html(styles[0])),
        *(tag("style", Html(_PLACE), id=place) for place in places),
    )
    body = tag(
        "body",
        tag("a", "Skip to the figures", href="#main", class_="skip"),
        tag("header", _bar(), tag("div", about(run), class_="head")),
        _navigation(sections),
        tag("main", *(section.html() for section in sections), id="main"),
        tag("noscript", tag("p", "The figures need JavaScript; the tables do not.", class_="note")),
        tag("script", Html(block.to_json(_data(run, sections))), type="application/json", id="report-data"),
        *(tag("script", Html(script)) for script in scripts),
        *_later(run),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _bar() -> Html:
    toggle = tag("button", "Dark or light", type="button", id="theme")
    return tag("div", tag("span", "Quantsail", class_="brand"), toggle, class_="bar")


def _navigation(sections: list[Section]) -> Html:
    links = (tag("a", section.title, href=f"#{section.name}") for section in sections)
    return tag("nav", join(links), aria_label="Sections")


def _data(run: Run, sections: list[Section]) -> dict[str, object]:
    figures = {figure.name: figure.variants for section in sections for figure in section.figures}
    return {"figures": figures, "market": market_data(run), "most_in_view": MOST_IN_VIEW}


def _later(run: Run) -> Iterator[Html]:
    """Data behind the scripts, which draw before the browser has come to it."""
    for number, columns in enumerate(later_data(run)):
        if columns is not None:
            content = Html(block.to_json(columns))
            yield tag("script", content, type="application/json", id=f"candles-data-{number}")


# --- scripts, styles and their policy ------------------------------------------------------------


def policy(scripts: tuple[str, ...], styles: tuple[str, ...]) -> str:
    """Nothing but these scripts and styles, by their hashes, and images made in the page.

    Of ``style`` attributes only the empty one is allowed, which plotly gives to the scale of a heat map; all else it
    styles through scripts, which no policy forbids.
    """
    allowed = {
        "default-src": "'none'",
        "script-src": " ".join(map(_hash, scripts)),
        "style-src-elem": " ".join(map(_hash, styles)),
        "style-src-attr": f"'unsafe-hashes' {_hash('')}",
        "img-src": "data: blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in allowed.items())


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


@cache
def plotly_script() -> str:
    """The script of the installed plotly. Its Python side is not imported: that takes a second and is not needed."""
    found = find_spec("plotly")
    folders = list(found.submodule_search_locations or ()) if found else []
    path = next((Path(folder, "package_data", "plotly.min.js") for folder in folders), Path())
    if not path.is_file():
        raise ComponentError(
            "the installed plotly has no package_data/plotly.min.js; reinstall it: pip install 'plotly>=6'"
        )
    return unwrapped(_inlined(path.read_text(encoding="utf-8")))


def unwrapped(script: str) -> str:
    """The script without the function that makes a module of it for other surroundings than a page.

    Browsers skim a function that is handed over, and parse it again with all that is in it when it is called. The
    bundle inside calls itself and is parsed once, which opens a report half a second sooner. A script of another form
    stays as it is.
    """
    found = _WRAPPED.fullmatch(script)
    return script if found is None else f"{found['licence']}\n{found['bundle']}\n"


@cache
def _asset(name: str) -> str:
    return _inlined(files("quantsail_html").joinpath("assets", name).read_text(encoding="utf-8"))


def _inlined(text: str) -> str:
    """The text as a browser reads it inside its element, with line ends as its parser makes them."""
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    if any(end in unified.lower() for end in ("</script", "</style", "<!--")):
        raise ComponentError(
            "a script or style of the report would end its own element; it cannot be written into a page"
        )
    return unified

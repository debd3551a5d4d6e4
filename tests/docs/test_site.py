"""The built site: nothing missing in it, pages that open without a word of complaint and without a network."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import Browser, launched
from tests.docs.blocks import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it: a link or an anchor that leads nowhere is an error."""
    if importlib.util.find_spec("mkdocs") is None:
        pytest.skip("mkdocs is not installed (uv sync --group docs)")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    yield from launched(tmp_path_factory.mktemp("profile"), ready="Number(document.readyState === 'complete')")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
@pytest.mark.parametrize("page", ["index", "tutorials/first-pipeline", "trading-rules", "reference/configuration"])
def test_a_page_opens_quietly_offline_and_fits(page: str, width: int, dark: bool, site: Path, browser: Browser) -> None:
    browser.open(site / f"{page}.html", width=width, dark=dark)
    assert browser.wait("document.querySelector('h1')?.innerText")
    assert browser.value("document.body.dataset.mdColorScheme") == ("slate" if dark else "default")
    assert browser.value("document.documentElement.scrollWidth") <= width
    assert [url for url in browser.asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert browser.said == []


def test_the_drawings_are_drawn(site: Path, browser: Browser) -> None:
    browser.open(site / "trading-rules.html")
    images = "[...document.querySelectorAll('article img')]"
    assert browser.wait(f"{images}.every(each => each.complete)")
    assert browser.value(f"{images}.filter(each => each.naturalWidth > 0 && each.alt).length") == 4


def test_the_search_works_from_a_file(site: Path, browser: Browser) -> None:
    browser.open(site / "index.html")
    box = "document.querySelector('[data-md-component=search-query]')"
    browser.value(f"{box}.focus(); {box}.value = 'correlated'; {box}.dispatchEvent(new Event('keyup')); true")
    assert browser.wait("document.querySelectorAll('.md-search-result__item').length", seconds=20)
    assert browser.said == []

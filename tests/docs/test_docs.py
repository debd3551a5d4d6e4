"""What the documentation shows must work: pipelines are read, the first plugin is built, commands exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from quantsail_framework import hookspecs, load_pipeline, run
from quantsail_framework.cli import verbs
from quantsail_framework.domain.alert import KINDS
from quantsail_framework.plugins import load_registry
from quantsail_framework.testing import FakeServer, Reply
from tests.docs.blocks import PAGES, ROOT, blocks_of, commands_of

QUANTSAIL = str(Path(sys.executable).parent / "quantsail")


def _blocks(page: Path, language: str) -> list[tuple[str, str]]:
    """(title, text) of every block of one language."""
    return [(block.title, block.text) for block in blocks_of(page) if block.language == language]


def test_the_page_of_strategies_shows_a_pipeline_for_each() -> None:
    shown = "".join(text for _, text in _blocks(ROOT / "docs" / "components" / "strategies.md", "toml"))
    assert [name for name in load_registry().components("strategy") if f'use = "{name}"' not in shown] == []


def test_the_readme_shows_what_the_demo_prints(tmp_path: Path) -> None:
    """Every line of the README's output, the path of the run folder aside, is printed by the quickstart."""
    (shown,) = (text for _, text in _blocks(ROOT / "README.md", "text"))
    command = [QUANTSAIL, "run", "examples/quickstart.toml", "--out", str(tmp_path / "run")]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    *lines, folder = shown.splitlines()
    assert [line for line in lines if line not in printed] == []
    assert folder.startswith("runs/quickstart-")


def test_the_figure_on_the_home_page_is_the_measured_one() -> None:
    home, measured = ((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("index.md", "performance.md"))
    (shown,) = re.findall(r"A year of 5-minute bars takes (\S+ s) ", home)
    (line,) = re.findall(r"^\| J1: TREND, 105,120 5m bars \| (\S+ s) ", measured, re.MULTILINE)
    assert shown == line


def _commands() -> list[tuple[Path, str]]:
    """Every `quantsail ...` line that a block of the documentation shows."""
    found = [(page, line) for page in PAGES for block in blocks_of(page) for line in commands_of(block)]
    return [(page, line.partition("  #")[0].strip()) for page, line in found if line.startswith("quantsail ")]


@pytest.mark.parametrize(("page", "line"), _commands(), ids=lambda value: getattr(value, "name", value))
def test_a_command_shown_in_the_documentation_can_be_given(page: Path, line: str) -> None:
    """Its verb is there and takes these arguments and options; it is not run."""
    _, *words = shlex.split(line.partition(" > ")[0])
    context, command = click.Context(verbs, info_name="quantsail"), verbs
    while isinstance(command, click.Group) and words:
        name, found, words = command.resolve_command(context, words)
        assert found is not None, name
        command = found
        if isinstance(command, click.Group):
            context = click.Context(command, info_name=name, parent=context)
    command.make_context(command.name, words, parent=context)


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # Apprise imports it
def test_the_pipeline_of_the_page_of_alert_sinks_delivers_to_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    ((_, text),) = _blocks(ROOT / "docs" / "components" / "alert-sinks.md", "toml")
    (tmp_path / "alerting.toml").write_text(text, encoding="utf-8")
    with FakeServer(Reply(body={"ok": True, "result": {}})) as server:
        monkeypatch.setenv("TELEGRAM_TOKEN", "1:a")
        monkeypatch.setenv("WEBHOOK_SECRET", "b")
        monkeypatch.setenv("WEBHOOK_URL", f"{server.url}/webhook")
        monkeypatch.setenv("APPRISE_URL", f"{server.url.replace('http:', 'json:')}/apprise")
        overrides = {"alerts.telegram.base_url": server.url}
        run(load_pipeline(tmp_path / "alerting.toml", overrides=overrides))
        told = [asked.path.split("/")[1] for asked in server.requests]
    assert told.count("webhook") >= 4
    assert told.count("apprise") >= 1  # the daily loss limit
    assert told.count("bot1:a") >= 3  # that, and what was gained or lost
    page = (ROOT / "docs" / "components" / "alert-sinks.md").read_text(encoding="utf-8")
    (shown,) = (text for _, text in _blocks(ROOT / "docs" / "components" / "alert-sinks.md", "text"))
    assert shown in capfd.readouterr().err
    assert all(f"`{kind}`" in page for kind in KINDS)


def test_the_alert_sink_of_the_page_for_plugin_authors_works(tmp_path: Path) -> None:
    sink = next(text for _, text in _blocks(ROOT / "docs" / "plugin-authors" / "alert-sinks.md", "python"))
    (tmp_path / "my_sink.py").write_text(sink, encoding="utf-8")
    kept = tmp_path / "alerts.txt"
    more = f'[[alerts]]\nuse = "my_sink.py:FileSink"\npath = "{kept}"\n'
    quickstart = (ROOT / "examples" / "quickstart.toml").read_text(encoding="utf-8")
    (tmp_path / "mine.toml").write_text(quickstart + more, encoding="utf-8")
    run(load_pipeline(tmp_path / "mine.toml"))
    assert kept.read_text(encoding="utf-8").startswith("info Run finished: backtest")


def test_the_webhook_is_verified_alike_in_the_page_and_in_the_readme() -> None:
    (shown,) = _blocks(ROOT / "docs" / "components" / "alert-sinks.md", "python")
    assert [shown] == _blocks(ROOT / "plugins" / "quantsail-webhook" / "README.md", "python")


def test_every_hook_is_documented_with_an_example() -> None:
    for hook in hookspecs.KINDS.values():
        text = getattr(hookspecs, hook).__doc__
        assert "@hookimpl" in text, hook
        assert f"def {hook}" in text, hook

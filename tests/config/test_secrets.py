"""A secret is named, never held, and never printed."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import pytest

from quantsail_framework.config import Secret, build
from quantsail_framework.config.secrets import redacted
from quantsail_framework.errors import InputError, PipelineError
from tests.config.conftest import MINIMAL, Desk
from tests.config.parts import Messenger

ALERT = '[[alerts]]\nuse = "messenger"\n'
HIDDEN = "12345:very-secret"


def sink(desk: Desk, token: str) -> Messenger:
    [found] = desk.load(MINIMAL + ALERT + f"token = {token}\n").alerts
    assert isinstance(found.sink, Messenger)
    return found.sink


def test_the_value_is_read_only_when_it_is_asked_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOKEN", raising=False)
    token = sink(desk, '{ env = "TOKEN" }').token
    with pytest.raises(InputError) as caught:
        token.reveal()
    assert str(caught.value) == (
        "environment variable TOKEN is not set; it must hold the secret that the pipeline asks for"
    )
    monkeypatch.setenv("TOKEN", HIDDEN)
    assert token.reveal() == HIDDEN
    monkeypatch.setenv("TOKEN", "")
    with pytest.raises(InputError, match="environment variable TOKEN is empty"):
        token.reveal()


def test_a_file_is_found_beside_the_pipeline_and_loses_its_line_end(desk: Desk) -> None:
    desk.write(HIDDEN + "\n", "keys/token")
    token = sink(desk, '{ file = "keys/token" }').token
    assert token.file == desk.folder / "keys/token"
    assert token.reveal() == HIDDEN
    (desk.folder / "keys/token").unlink()
    with pytest.raises(InputError) as caught:
        token.reveal()
    assert str(caught.value) == f"file {token.file} cannot be read: No such file or directory; it must hold a secret"
    (desk.folder / "keys/token").write_bytes(b"\xff")
    with pytest.raises(InputError, match="cannot be read: it is not UTF-8 text"):
        token.reveal()


def test_nothing_that_is_shown_holds_the_value(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", HIDDEN)
    desk.write(HIDDEN, "token")
    for token in ('{ env = "TOKEN" }', '{ file = "token" }'):
        pipeline = desk.load(MINIMAL + ALERT + f"token = {token}\n")
        shown = [repr(pipeline), str(pipeline.alerts), json.dumps(pipeline.resolved), json.dumps(pipeline.origins)]
        assert not any(HIDDEN in text for text in shown)
    assert str(Secret(env="TOKEN")) == f"{Secret(env='TOKEN')}" == "********"
    assert pipeline.resolved["alerts"][0]["token"] == {"file": "token"}


REMEDY = 'give { env = "NAME" } or { file = "path" }'


@pytest.mark.parametrize(
    "token, problem",
    [
        (f'"{HIDDEN}"', f"is a secret and must not stand in the pipeline; {REMEDY}"),
        ("12345", f"is a secret and must not stand in the pipeline; {REMEDY}"),
        (f'{{ value = "{HIDDEN}" }}', f"is a secret; {REMEDY}"),
        (f'{{ env = "A", file = "{HIDDEN}" }}', f"is a secret; {REMEDY}"),
        ('{ env = "" }', f"is a secret; {REMEDY}"),
        ("{ env = 3 }", f"is a secret; {REMEDY}"),
        ("{}", f"is a secret; {REMEDY}"),
    ],
)
def test_a_literal_is_refused_and_not_repeated(desk: Desk, token: str, problem: str) -> None:
    assert desk.problems(MINIMAL + ALERT + f"token = {token}\n") == [f"p.toml:15: alerts.messenger.token: {problem}"]
    found = desk.problems(MINIMAL + ALERT, sets={"alerts.messenger.token": token})
    assert found == [f"--set: alerts.messenger.token: {problem}"]


def test_a_value_below_a_literal_does_not_repeat_it(desk: Desk) -> None:
    text = MINIMAL + ALERT + f'token = "{HIDDEN}"\n'
    assert not any(HIDDEN in line for line in desk.problems(text, sets={"alerts.messenger.token.env": "A"}))


@attrs.frozen
class Keyring:
    """Secrets in containers."""

    tokens: list[Secret] = attrs.field(factory=list)
    named: dict[str, Secret] = attrs.field(factory=dict)
    maybe: Secret | int = 0


@pytest.mark.parametrize(
    "values", [{"tokens": HIDDEN}, {"tokens": [HIDDEN]}, {"named": {"a": HIDDEN}}, {"maybe": HIDDEN}]
)
def test_a_literal_in_a_container_is_not_repeated_either(values: dict[str, object]) -> None:
    with pytest.raises(PipelineError) as caught:
        build(Keyring, values)
    assert HIDDEN not in str(caught.value)
    assert "secret" in str(caught.value)


def test_environment_may_say_where_the_secret_is(desk: Desk) -> None:
    pipeline = desk.load(MINIMAL + ALERT, env={"QUANTSAIL__ALERTS__MESSENGER__TOKEN__ENV": "ELSEWHERE"})
    assert pipeline.alerts[0].sink == Messenger(Secret(env="ELSEWHERE"))


def test_what_was_revealed_is_masked_in_texts_of_strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONG", "canary/47 11")
    monkeypatch.setenv("SHORT", "a b")
    told = "canary/47 11, canary/47%2011, canary%2F47%2011, canary%2F47+11, a b"
    assert redacted("an " + told) == "an " + told
    for name in ("LONG", "SHORT"):
        Secret(env=name).reveal()
    assert redacted(told) == "********, ********, ********, ********, a b"


def test_a_secret_has_one_place() -> None:
    for given in ({}, {"env": "A", "file": Path("b")}):
        with pytest.raises(ValueError, match=r"either \{ env"):
            Secret(**given)  # type: ignore[arg-type]
    assert attrs.asdict(Secret(env="A")) == {"env": "A", "file": None}

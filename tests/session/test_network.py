"""A run has no network but for components that declare it, whichever way they reach for it."""

from __future__ import annotations

import logging
import logging.handlers
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from quantsail_framework import Component, RunResult, hookimpl, load_pipeline, run
from quantsail_framework.errors import NetworkDeniedError, PipelineError
from quantsail_framework.plugins import Registry, load_registry
from quantsail_framework.testing import FakeServer, Reply
from tests.plugins_.site import FakeSite

PIPELINE = """
[pipeline]
name = "curious"
runner = "{runner}"
capital = 10_000
[data]
use = "synthetic"
length = 300
symbols = ["TEST/USDT"]
timeframe = "1h"
[strategy]
use = "{strategy}"
[costs]
use = "basis-points"
[sizer]
use = "fixed-fractional"
"""
# A strategy that never trades, and does one of these things when it is asked for signals.
STRATEGY = """
import asyncio, logging, socket, threading, time, urllib.request
from concurrent.futures import ThreadPoolExecutor
import attrs
import numpy as np
from quantsail_framework import Signals

PORT = {port}

def connect():
    with socket.socket() as opened:
        opened.connect(("127.0.0.1", PORT))

def look_up():
    socket.gethostbyname("localhost")

def http():
    with urllib.request.urlopen(f"http://127.0.0.1:{{PORT}}/") as answer:
        answer.read()

def datagram():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.sendto(b"x", ("127.0.0.1", PORT))

def listen():
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))

def unix():
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind("here.sock")

async def opening():
    _, writer = await asyncio.open_connection("localhost", PORT)
    writer.close()
    await writer.wait_closed()

def in_asyncio():
    asyncio.run(opening())

def in_pool():
    with ThreadPoolExecutor(1) as pool:
        pool.submit(socket.gethostbyname, "localhost").result()

def in_thread():
    thread = threading.Thread(target=connect)
    thread.start()
    thread.join()

def swallowed():
    for _ in range(2):
        try:
            connect()
        except Exception:
            pass

def logged():
    logging.getLogger("curious").warning("at work")

def logged_in_thread():
    thread = threading.Thread(target=logged)
    thread.start()
    thread.join()

def ask(number):
    time.sleep(0.1)
    try:
        socket.gethostbyname(f"host-{{number}}")
    except Exception:
        pass

def nothing():
    pass

@attrs.frozen
class Curious:
    {declared}
    period: int = 1
    warmup: int = 0

    def signals(self, bars):
        {deed}()
        return Signals(np.zeros(len(bars), np.int8), bars.close - 1.0)
"""
REACHES = ["connect", "look_up", "http", "datagram", "listen", "in_asyncio", "in_pool"]


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(Reply(body={"ok": True})) as running:
        yield running


def _port(server: FakeServer) -> int:
    return int(server.url.rpartition(":")[2])


def _local(folder: Path, deed: str, port: int = 9, *, declared: str = "", more: str = "", **options: str) -> Path:
    source = STRATEGY.format(port=port, deed=deed, declared=declared)
    (folder / "curious.py").write_text(source, encoding="utf-8")
    file = folder / "pipeline.toml"
    words = {"strategy": "curious.py:Curious", "runner": "backtest", **options}
    file.write_text(PIPELINE.format(**words) + more, encoding="utf-8")
    return file


@pytest.mark.parametrize("way", REACHES)
def test_a_component_that_reaches_for_the_network_fails_the_run(tmp_path: Path, server: FakeServer, way: str) -> None:
    with pytest.raises(NetworkDeniedError) as caught:
        run(load_pipeline(_local(tmp_path, way, _port(server))))
    assert str(caught.value).startswith("strategy 'curious.py:Curious' tried to ")
    assert str(caught.value).endswith(
        ": in a run only components that declare the network have it. "
        "Where the need is real, its class says network = True; else use another"
    )
    assert server.requests == []


@pytest.mark.parametrize(
    ("way", "told"),
    [
        ("connect", "connect to 127.0.0.1:9: "),
        ("look_up", "look up localhost: "),
        ("datagram", "send to 127.0.0.1:9: "),
        ("listen", "listen on 127.0.0.1:0: "),
        ("in_asyncio", "look up localhost: "),
    ],
)
def test_the_error_says_what_was_tried(tmp_path: Path, way: str, told: str) -> None:
    with pytest.raises(NetworkDeniedError, match=f"tried to {told}"):
        run(load_pipeline(_local(tmp_path, way)))


@pytest.mark.parametrize("runner", ["backtest", "replay"])
def test_the_error_has_the_line_that_did_it(tmp_path: Path, runner: str) -> None:
    with pytest.raises(NetworkDeniedError) as caught:
        run(load_pipeline(_local(tmp_path, "look_up", runner=runner)))
    (note,) = caught.value.__notes__
    assert note.startswith("it arose in signals of strategy 'curious.py:Curious' (")
    assert note.endswith("curious.py:15)")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_acts_for_the_component_that_started_it(tmp_path: Path, server: FakeServer) -> None:
    result = run(load_pipeline(_local(tmp_path, "in_thread", _port(server))))
    assert [note.partition(" tried ")[0] for note in _denials(result)] == ["strategy 'curious.py:Curious'"]


def test_a_component_that_swallows_the_error_leaves_a_note_in_the_result(tmp_path: Path) -> None:
    result = run(load_pipeline(_local(tmp_path, "swallowed")), out=tmp_path / "run")
    (note,) = _denials(result)
    assert "tried to connect to 127.0.0.1:9:" in note
    assert note in (tmp_path / "run" / "manifest.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("way", [*REACHES, "in_thread"])
def test_a_local_class_that_declares_the_need_has_the_network(tmp_path: Path, server: FakeServer, way: str) -> None:
    declared = "network = True"
    result = run(load_pipeline(_local(tmp_path, way, _port(server), declared=declared)))
    assert _denials(result) == []


def test_what_one_component_declares_another_has_not(tmp_path: Path, server: FakeServer) -> None:
    """A sink that may send does not open the door for the strategy."""
    more = '[[alerts]]\nuse = "webhook"\nurl = { env = "HOOK_URL" }\nsecret = { env = "HOOK_KEY" }\n'
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOOK_KEY", "x")
        patch.setenv("HOOK_URL", server.url)
        with pytest.raises(NetworkDeniedError):
            run(load_pipeline(_local(tmp_path, "connect", _port(server), more=more)))
        assert [asked.json["kind"] for asked in server.requests] == [
            "error"
        ]  # the alert of the error, sent while the guard was on


def test_a_function_of_a_local_file_that_is_called_later_is_found_too(tmp_path: Path) -> None:
    """The reasons of trades are worded when they are written: no class of the file is on the call stack."""
    source = PARTS.replace("early: bool = True", "early: bool = False").replace("lambda bar: str(reach())", "reason_of")
    for name in ("mine.py", "mine.v2.py"):
        (tmp_path / name).write_text(f"{source}\ndef reason_of(bar):\n    return str(reach())\n", encoding="utf-8")
        file = tmp_path / "p.toml"
        file.write_text(PIPELINE.format(strategy=f"{name}:Quiet", runner="backtest"), encoding="utf-8")
        with pytest.raises(NetworkDeniedError) as caught:
            run(load_pipeline(file), out=tmp_path / "run")
        assert str(caught.value) == (
            f"local file '{name}' tried to look up 127.0.0.1: in a run only components that declare the network have "
            "it. Where the need is real, it belongs in a class that says network = True; else use another"
        )


# -- while the pipeline is made --------------------------------------------------------------------

MAKING = "def __attrs_post_init__(self):\n        {deed}()\n"


def test_a_component_has_no_network_while_it_is_made_either(tmp_path: Path, server: FakeServer) -> None:
    file = _local(tmp_path, "nothing", _port(server), declared=MAKING.format(deed="http"))
    with pytest.raises(NetworkDeniedError, match=r"^local file 'curious\.py' tried to look up 127\.0\.0\.1:"):
        load_pipeline(file)
    assert server.requests == []


def test_nor_has_a_file_while_it_is_loaded(tmp_path: Path) -> None:
    file = _local(tmp_path, "nothing")
    with (tmp_path / "curious.py").open("a", encoding="utf-8") as source:
        source.write("\nlook_up()\n")
    with pytest.raises(PipelineError, match=r"NetworkDeniedError: local file 'curious\.py' tried to look up localhost"):
        load_pipeline(file)


def test_a_local_class_that_declares_the_need_has_the_network_while_it_is_made(
    tmp_path: Path, server: FakeServer
) -> None:
    declared = f"network = True\n    {MAKING.format(deed='http')}"
    load_pipeline(_local(tmp_path, "nothing", _port(server), declared=declared))
    assert len(server.requests) == 1


def test_what_was_denied_while_it_was_made_is_noted_in_the_result(tmp_path: Path) -> None:
    file = _local(tmp_path, "nothing", declared=MAKING.format(deed="swallowed"))
    (note,) = _denials(run(load_pipeline(file)))
    assert note.startswith("local file 'curious.py' tried to connect to 127.0.0.1:9: ")


@pytest.mark.parametrize(("use", "network"), [("talker", True), ("quiet", False)])
def test_a_component_of_a_plugin_is_named_when_it_is_denied_while_it_is_made(
    nosy: FakeSite, tmp_path: Path, use: str, network: bool
) -> None:
    made = "    def __attrs_post_init__(self):\n        reach()\n\n    def signals"
    parts = nosy.folder / "nosy_parts.py"
    text = PARTS.replace("early: bool = True", "early: bool = False").replace("str(reach())", "''")
    parts.write_text(text.replace("    def signals", made), encoding="utf-8")
    (tmp_path / "p.toml").write_text(PIPELINE.format(strategy=use, runner="backtest"), encoding="utf-8")
    done = nosy.quantsail("run", "p.toml", "--out", "out", cwd=tmp_path)
    assert (done.returncode == 0) is network, done.stderr
    assert ("error: strategy 'quiet' of quantsail-nosy 2.1 tried to look up" in done.stderr) is not network


# -- plugins ---------------------------------------------------------------------------------------

PLUGIN = """
@hookimpl
def quantsail_strategies():
    yield Component("quiet", "nosy_parts:Quiet", "Says nothing.")
    yield Component("talker", "nosy_parts:Talker", "Talks.", network=True)
"""
PARTS = """
import socket
import attrs
import numpy as np
from quantsail_framework import Signals

def reach():
    socket.getaddrinfo("127.0.0.1", 80)

def _signals(bars, reason):
    entry = np.zeros(len(bars), np.int8)
    entry[20] = 1
    return Signals(entry, bars.close * 0.5, reason=reason)

@attrs.frozen
class Quiet:
    warmup: int = 0
    early: bool = True

    def signals(self, bars):
        if self.early:
            reach()
        return _signals(bars, lambda bar: str(reach()))

@attrs.frozen
class Talker:
    warmup: int = 0

    def signals(self, bars):
        reach()
        return _signals(bars, lambda bar: "")
"""


LAZY = """
def __getattr__(name):
    import deep.parts

    return getattr(deep.parts, name)
"""


@pytest.fixture
def nosy(tmp_path: Path) -> FakeSite:
    site = FakeSite(tmp_path / "site")
    site.install("nosy", PLUGIN, version="2.1")
    (site.folder / "nosy_parts.py").write_text(PARTS, encoding="utf-8")
    return site


def test_a_plugin_is_named_with_its_distribution_and_the_remedy(nosy: FakeSite, tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text(PIPELINE.format(strategy="quiet", runner="backtest"), encoding="utf-8")
    done = nosy.quantsail("run", "p.toml", "--out", "out", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == (
        "error: strategy 'quiet' of quantsail-nosy 2.1 tried to look up 127.0.0.1: in a run only components that "
        "declare the network have it. Where the need is real, its Component says network=True (tell the author of "
        "quantsail-nosy); else use another"
    )
    assert not (tmp_path / "out").exists()


def test_of_one_plugin_the_component_that_declares_the_need_has_the_network(nosy: FakeSite, tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text(PIPELINE.format(strategy="talker", runner="backtest"), encoding="utf-8")
    done = nosy.quantsail("run", "p.toml", "--out", "out", cwd=tmp_path)
    assert (done.returncode, "tried to" in done.stdout) == (0, False), done.stderr


@pytest.mark.parametrize("light", ["from deep.parts import Quiet, Talker\n", LAZY], ids=["imported", "lazy"])
@pytest.mark.parametrize(("use", "network"), [("talker", True), ("quiet", False)])
def test_a_class_that_lives_elsewhere_than_its_component_says(
    tmp_path: Path, light: str, use: str, network: bool
) -> None:
    """The target is a re-export: what is declared, and how the component is called, is that of its offer."""
    site = FakeSite(tmp_path / "site")
    (site.folder / "deep").mkdir()
    parts = PARTS.replace("  reach()\n", '  socket.getaddrinfo("127.0.0.1", 80)\n')  # in the method itself
    (site.folder / "deep" / "parts.py").write_text(parts, encoding="utf-8")
    (site.folder / "deep" / "__init__.py").write_text(light, encoding="utf-8")
    site.install("offers", PLUGIN.replace("nosy_parts", "deep"))
    (tmp_path / "p.toml").write_text(PIPELINE.format(strategy=use, runner="backtest"), encoding="utf-8")
    done = site.quantsail("run", "p.toml", "--out", "out", cwd=tmp_path)
    assert (done.returncode == 0) is network, done.stderr
    assert ("error: strategy 'quiet' of quantsail-offers 1.0 tried to " in done.stderr) is not network
    assert ("it arose in signals of strategy 'quiet' of quantsail-offers 1.0" in done.stderr) is not network
    assert ("tell the author of quantsail-offers" in done.stderr) is not network


def test_a_sweep_denies_it_in_its_processes_too(nosy: FakeSite, tmp_path: Path) -> None:
    """Every trial tries, leaves a file that tells in which process and whether it got through, and goes on."""
    tries = """
import os, time
def reach():
    time.sleep(0.1)
    told = "reached"
    try:
        socket.getaddrinfo("127.0.0.1", 80)
    except Exception as error:
        told = type(error).__name__
    with open(f"{told}-{os.getpid()}", "w"):
        pass
"""
    parts = PARTS.replace("@attrs.frozen", f"{tries}\n@attrs.frozen", 1)
    (nosy.folder / "nosy_parts.py").write_text(parts, encoding="utf-8")
    light = nosy.folder / "nosy.py"  # the reasons of trades are worded later, by code that no component called
    light.write_text(light.read_text(encoding="utf-8").replace(", network=True", ""), encoding="utf-8")
    more = """
[executor]
use = "local"
workers = 2
[sweep]
parameters = { strategy.warmup = { min = 1, max = 20, step = 1 } }
"""
    text = PIPELINE.format(strategy="quiet", runner="sweep") + more
    (tmp_path / "p.toml").write_text(text, encoding="utf-8")
    done = nosy.quantsail("run", "p.toml", "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = [path.name for path in tmp_path.glob("*-*[0-9]") if path.is_file()]
    assert len(told) >= 2  # this process, and at least one other
    assert {name.partition("-")[0] for name in told} == {"NetworkDeniedError"}


def test_the_notes_of_a_search_are_the_same_wherever_its_trials_ran(tmp_path: Path) -> None:
    """Each trial asks for a name of its own and goes on without."""
    more = '[executor]\nuse = "local"\n[sweep]\nparameters = { strategy.period = { min = 1, max = 20, step = 1 } }\n'
    file = _local(tmp_path, "ask(self.period) or nothing", more=more, runner="sweep")
    here, elsewhere = (
        _denials(run(load_pipeline(file, overrides={"executor.workers": workers}))) for workers in (1, 2)
    )
    asked = [re.findall(r"look up host-(\d+)", note) for note in here]
    assert sorted(asked) == sorted([[str(number)] for number in range(1, 21)])
    assert elsewhere == here


CLUSTER = """
@hookimpl
def quantsail_executors():
    yield Component("cluster", "cluster_parts:Cluster", "Asks a server on this machine.", network={network})
"""
CLUSTER_PARTS = """
import socket, threading
import attrs

@attrs.frozen
class Cluster:
    def map(self, function, items, *, shared):
        with socket.create_server(("127.0.0.1", 0)) as server:
            thread = threading.Thread(target=self.serve, args=(server,))
            thread.start()
            with socket.create_connection(server.getsockname()) as client:
                client.recv(2)
            thread.join()
        for index, item in enumerate(items):
            yield index, function(item, shared)

    def serve(self, server):
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"ok")
"""


@pytest.mark.parametrize("network", [True, False])
def test_an_executor_that_needs_sockets_of_this_machine_declares_it(tmp_path: Path, network: bool) -> None:
    site = FakeSite(tmp_path / "site")
    site.install("cluster", CLUSTER.format(network=network))
    (site.folder / "cluster_parts.py").write_text(CLUSTER_PARTS, encoding="utf-8")
    text = PIPELINE.format(strategy="trend", runner="sweep")
    more = '[executor]\nuse = "cluster"\n[sweep]\nparameters = { strategy.lookback = [10, 20] }\n'
    (tmp_path / "p.toml").write_text(text + more, encoding="utf-8")
    done = site.quantsail("run", "p.toml", "--out", "out", cwd=tmp_path)
    assert (done.returncode == 0) is network, done.stderr
    assert ("executor 'cluster' of quantsail-cluster 1.0 tried to listen on 127.0.0.1:0" in done.stderr) is not network


# -- who is not guarded ------------------------------------------------------------------------------


def test_a_runner_that_declares_the_need_is_not_guarded(tmp_path: Path, server: FakeServer) -> None:
    """What trades live may reach its exchange from anywhere; nobody wants a guard between it and an order."""

    class Given:
        @hookimpl
        def quantsail_runners(self) -> list[Component]:
            backtest = "quantsail_backtest.runners:BacktestRunner"
            return [Component("connected", backtest, "As live.", network=True)]

    registry: Registry = load_registry(extra=[Given()])
    file = _local(tmp_path, "connect", _port(server), runner="connected")
    assert _denials(run(load_pipeline(file, registry=registry), registry=registry)) == []
    file = _local(tmp_path, "nothing", _port(server), runner="connected", declared=MAKING.format(deed="http"))
    load_pipeline(file, registry=registry)
    assert len(server.requests) == 1


def test_other_code_of_the_program_keeps_the_network_meanwhile(tmp_path: Path, server: FakeServer) -> None:
    """Progress goes to a function of the caller, which may be a web page; and other threads are not the run's."""
    reached = []

    def reach() -> None:
        socket.create_connection(("127.0.0.1", _port(server)), timeout=5).close()
        reached.append(threading.current_thread().name)

    def progress(_fraction: float, _text: str) -> None:
        if len(reached) < 2:
            reach()
            go.set()
            other.join()

    go = threading.Event()
    other = threading.Thread(target=lambda: (go.wait(), reach()), name="other")
    other.start()
    run(load_pipeline(_local(tmp_path, "nothing", runner="replay")), progress=progress)
    go.set()
    other.join()
    assert set(reached) == {"MainThread", "other"}


@pytest.mark.parametrize("way", ["logged", "logged_in_thread"])
def test_a_handler_of_the_program_sends_what_a_component_logs(tmp_path: Path, way: str) -> None:
    """Where the log goes is up to whoever set the handler: here to a server, with a datagram."""
    log = logging.getLogger("curious")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        handler = logging.handlers.SysLogHandler(server.getsockname())
        log.addHandler(handler)
        try:
            assert _denials(run(load_pipeline(_local(tmp_path, way)))) == []
            assert b"at work" in server.recv(1024)
        finally:
            log.removeHandler(handler)
            handler.close()


def test_after_a_run_the_network_is_as_before(tmp_path: Path, server: FakeServer) -> None:
    pipeline = load_pipeline(_local(tmp_path, "connect", _port(server)))
    with pytest.raises(NetworkDeniedError):
        run(pipeline)
    pipeline.strategy.signals(next(iter(_bars(pipeline))))  # type: ignore[arg-type, union-attr]


def test_after_a_run_new_threads_are_started_as_before(tmp_path: Path) -> None:
    before = threading.Thread.start
    run(load_pipeline(_local(tmp_path, "nothing")))
    assert threading.Thread.start is before


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_another_tool_does_to_the_start_of_threads_in_a_run_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tracer, say, that wraps it while a run is under way; and the next run watches threads as the first."""
    before, seen = threading.Thread.start, []

    def trace(_fraction: float, _text: str) -> None:
        if not seen:
            now = threading.Thread.start

            def traced(thread: threading.Thread) -> None:
                now(thread)

            seen.append(traced)
            monkeypatch.setattr(threading.Thread, "start", traced)

    run(load_pipeline(_local(tmp_path, "nothing", runner="replay")), progress=trace)
    assert threading.Thread.start is seen[0]
    assert len(_denials(run(load_pipeline(_local(tmp_path, "in_thread"))))) == 1
    assert threading.Thread.start is seen[0]
    monkeypatch.undo()  # as the tool does when it goes
    assert len(_denials(run(load_pipeline(_local(tmp_path, "in_thread"))))) == 1
    assert threading.Thread.start is before


def test_sockets_of_this_machine_alone_are_left_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert _denials(run(load_pipeline(_local(tmp_path, "unix")))) == []
    assert (tmp_path / "here.sock").exists()


def _bars(pipeline: object) -> Iterator[object]:
    from quantsail_framework.engine import load_market

    yield from load_market(pipeline).bars.values()  # type: ignore[arg-type]


def _denials(result: RunResult) -> list[str]:
    return [note for note in result.notes if " tried to " in note]

"""Where the endpoint listens, what happens when it cannot, and that it is gone with the run."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import attrs
import pytest

from quantsail_framework import load_pipeline, run
from quantsail_framework.errors import InputError, RunError
from quantsail_framework.ports.runner import Pipeline
from quantsail_framework.testing.examples import example_pipeline
from quantsail_prometheus.observers import PrometheusEndpoint


@contextmanager
def opened(**options: Any) -> Iterator[PrometheusEndpoint]:
    observer = PrometheusEndpoint(**options)
    observer.open()
    try:
        yield observer
    finally:
        observer.close()


def listens_at(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.settimeout(2)
        return probe.connect_ex((address, port)) == 0


def test_d131_only_this_machine_can_reach_it_and_its_port_is_not_that_of_prometheus(free_port: int) -> None:
    assert (PrometheusEndpoint().host, PrometheusEndpoint().port) == ("127.0.0.1", 9720)
    with opened(port=free_port):
        assert listens_at("127.0.0.1", free_port)
        # The other addresses of the loopback network reach what listens everywhere, and nothing else.
        assert not listens_at("127.0.0.2", free_port)


def test_another_address_can_be_chosen(free_port: int) -> None:
    with opened(port=free_port, host="127.0.0.2"):
        assert listens_at("127.0.0.2", free_port)
        assert not listens_at("127.0.0.1", free_port)


def test_an_ipv6_address_can_be_chosen(free_port: int, caplog: pytest.LogCaptureFixture) -> None:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with caplog.at_level(logging.INFO), opened(port=free_port, host="::1"):
        assert listens_at("::1", free_port)
    assert caplog.messages == [f"metrics at http://[::1]:{free_port}/metrics"]


def test_d130_two_runs_in_one_process_do_not_meet(new_port: Callable[[], int], get: Callable[[int], Any]) -> None:
    with opened(port=new_port()) as one, opened(port=new_port()) as other:
        one.run_prepared(example_pipeline(name="one", runner="replay"))
        other.run_prepared(example_pipeline(name="other", runner="replay"))
        one.equity_updated(0, 1.0)
        assert get(one.port)("quantsail_equity", pipeline="one") == 1.0
        assert get(other.port).series("quantsail_equity") == {}
        assert {dict(labels)["pipeline"] for _, labels in get(other.port).values} == {"other"}


def test_d130_a_notebook_runs_the_same_pipeline_twice(watched: Pipeline, run_watched: Callable[..., Any]) -> None:
    (first, seen), (again, seen_again) = run_watched(watched), run_watched(watched)
    assert seen.repeatable == seen_again.repeatable
    assert len(first.trades["symbol"]) == len(again.trades["symbol"]) > 0


def test_a_port_in_use_is_named_with_the_remedy(free_port: int) -> None:
    with socket.create_server(("127.0.0.1", free_port)), pytest.raises(InputError) as caught:
        PrometheusEndpoint(port=free_port).open()
    assert str(caught.value) == (
        f"port {free_port} of 127.0.0.1 is in use, perhaps by another run; give this one a free port: "
        f"port = {free_port + 1} below [[observers]], or --set observers.prometheus.port={free_port + 1}"
    )


def test_an_address_of_another_machine_is_named(free_port: int) -> None:
    with pytest.raises(InputError, match=f"cannot listen on port {free_port} of 203.0.113.1: "):
        PrometheusEndpoint(port=free_port, host="203.0.113.1").open()


def test_a_run_goes_on_without_its_endpoint(
    watched: Pipeline, free_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    pipeline = attrs.evolve(watched, runner="backtest", observers=(PrometheusEndpoint(port=free_port),))
    with socket.create_server(("127.0.0.1", free_port)):
        result = run(pipeline)
    assert len(result.trades["symbol"]) > 0
    (message,) = caplog.messages
    assert message.startswith("observer 'prometheus' of quantsail-prometheus 0.1.0 failed in open: InputError: port ")


@pytest.mark.parametrize("port", [0, -1, 65_536])
def test_a_port_that_is_none_is_refused(port: int) -> None:
    with pytest.raises(ValueError, match="'port' must be"):
        PrometheusEndpoint(port=port)


def test_the_port_is_free_again_after_the_run(watched: Pipeline, free_port: int) -> None:
    run(attrs.evolve(watched, runner="backtest", observers=(PrometheusEndpoint(port=free_port),)))
    with socket.create_server(("127.0.0.1", free_port)) as taken:
        assert taken.getsockname()[1] == free_port


def test_the_port_is_free_again_after_a_run_that_failed(watched: Pipeline, free_port: int) -> None:
    class Broken:
        warmup = 0

        def signals(self, bars: Any) -> Any:
            raise RunError("it broke")

    observers = (PrometheusEndpoint(port=free_port),)
    with pytest.raises(RunError, match="it broke"):
        run(attrs.evolve(watched, observers=observers, strategy=Broken()))
    with socket.create_server(("127.0.0.1", free_port)):
        pass


def test_a_scraper_that_never_finishes_holds_nothing_up(free_port: int, get: Callable[[int], Any]) -> None:
    with opened(port=free_port) as observer:
        observer.run_prepared(example_pipeline(name="watched", runner="replay"))
        with socket.create_connection(("127.0.0.1", free_port)) as stuck:
            stuck.sendall(b"GET /metrics HTTP/1.1\r\n")  # and no more
            assert get(free_port)("quantsail_timeframe_seconds") == 300
            started = time.monotonic()
            observer.close()
            assert time.monotonic() - started < 2.0
            assert not listens_at("127.0.0.1", free_port)


def test_a_scraper_that_goes_away_is_not_told_to_the_user(
    free_port: int, get: Callable[[int], Any], capfd: pytest.CaptureFixture[str]
) -> None:
    with opened(port=free_port) as observer:
        observer.run_prepared(example_pipeline(name="watched", runner="replay"))
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", free_port)) as gone:
                gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")  # closes with a reset
                gone.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        assert get(free_port)("quantsail_timeframe_seconds") == 300
    assert capfd.readouterr() == ("", "")


def test_prometheus_asks_for_openmetrics_and_gets_it(
    endpoint: PrometheusEndpoint,
) -> None:
    endpoint.run_prepared(example_pipeline(name="watched", runner="replay"))
    wanted = {"Accept": "application/openmetrics-text;version=1.0.0"}
    with urlopen(Request(f"http://127.0.0.1:{endpoint.port}/metrics", headers=wanted), timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
        assert answer.read().endswith(b"# EOF\n")


def test_it_can_only_be_read(endpoint: PrometheusEndpoint) -> None:
    with pytest.raises(URLError, match="501"):
        urlopen(Request(f"http://127.0.0.1:{endpoint.port}/metrics", data=b"x", method="POST"), timeout=10)


def test_the_client_is_imported_when_an_observer_is_opened_and_not_before(tmp_path: Path, free_port: int) -> None:
    script = f"""
import sys
from quantsail_framework import load_pipeline
pipeline = load_pipeline({str(tmp_path / "p.toml")!r})
assert "prometheus_client" not in sys.modules
pipeline.observers[0].open()
assert "prometheus_client" in sys.modules
"""
    (tmp_path / "p.toml").write_text(
        '[pipeline]\nname = "p"\ncapital = 1000\n[data]\nuse = "samples"\nsymbols = ["EUR/USD"]\ntimeframe = "1h"\n'
        '[strategy]\nuse = "trend"\n[costs]\nuse = "basis-points"\n[sizer]\nuse = "fixed-fractional"\n'
        f'[[observers]]\nuse = "prometheus"\nport = {free_port}\n',
        encoding="utf-8",
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_option_can_be_set_on_the_command_line(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    text = (pytestconfig.rootpath / "examples" / "quickstart.toml").read_text(encoding="utf-8")
    (tmp_path / "p.toml").write_text(text + '\n[[observers]]\nuse = "prometheus"\n', encoding="utf-8")
    pipeline = load_pipeline(tmp_path / "p.toml", overrides={"observers.prometheus.port": 9721})
    assert pipeline.observers == (PrometheusEndpoint(port=9721),)

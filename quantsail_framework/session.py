"""One run from start to end: what surrounds a runner, and what happens to its result.

``run`` is what notebooks call and what the command line calls. It opens the observers, hands the
runner a Session, writes the run folder, calls the reporters, alerts, and closes what it opened.
"""

from __future__ import annotations

import functools
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import attrs

from quantsail_framework import network
from quantsail_framework.compiled.choice import check_switch
from quantsail_framework.config import build_runner
from quantsail_framework.config.components import resolved_options
from quantsail_framework.config.secrets import redacted
from quantsail_framework.config.tree import COMPONENT_LISTS, COMPONENT_TABLES
from quantsail_framework.config.wording import brief
from quantsail_framework.domain.order import Refusal, Trip
from quantsail_framework.domain.result import RunResult
from quantsail_framework.domain.trade import Position, Trade
from quantsail_framework.errors import ComponentError, words
from quantsail_framework.plugins import PluginInfo, Registry, load_registry
from quantsail_framework.ports.observer import Observer
from quantsail_framework.ports.runner import Pipeline, Progress, Runner, Session
from quantsail_framework.results import FOLDER_FACT, RunFolder, default_folder, pipeline_digest, write_files
from quantsail_framework.search.executors import ChosenExecutor

if TYPE_CHECKING:
    from quantsail_framework.alerts import AlertWriter
    from quantsail_framework.outbox import Outbox

_REMOTE = "_RemoteTraceback"  # of concurrent.futures: what an error from another process has for a cause
RUNS = "runs"  # where run folders go when nobody says otherwise
_EVENTS = (
    "run_prepared",
    "run_started",
    "run_finished",
    "order_refused",
    "order_filled",
    "trade_closed",
    "breaker_tripped",
    "equity_updated",
    "bars_decided",
    "alert_dropped",
)


def run(
    pipeline: Pipeline,
    *,
    runner: str | None = None,
    out: str | Path | None = None,
    strategy: Any = None,
    costs: Any = None,
    sizer: Any = None,
    registry: Registry | None = None,
    keep: bool = False,
    report: bool = False,
    progress: Progress | None = None,
    wall_ns: Callable[[], int] | None = None,
) -> RunResult:
    """Run a pipeline and return its result.

    ``runner`` replaces the one that the pipeline names; ``strategy``, ``costs`` and ``sizer`` are
    objects that replace its components. ``out`` is the run folder to write; with ``keep`` it is a new
    one in ``runs``; without either nothing is written. ``result.facts["folder"]`` tells where it is.
    The reporters of the pipeline are called only with ``report``, as the command line does.
    ``wall_ns`` is the wall clock (ns UTC). Raises ResultsError before the run when ``out`` exists,
    and what the runner raises; then no folder is left.
    """
    check_switch()
    pipeline = _with_objects(pipeline, strategy=strategy, costs=costs, sizer=sizer)
    registry = registry or allowed_registry(pipeline)
    clock = wall_ns or time.time_ns
    name = runner or pipeline.runner
    job = build_runner(pipeline, registry, name)
    pipeline = _with_runner(pipeline, name, job)
    place = _place(pipeline, out, keep=keep, now_ns=clock())
    outbox = _outbox(pipeline, registry)
    writer = _writer(pipeline, outbox, clock)
    listener = writer if "all" in (pipeline.which_alerts, getattr(job, "alerts", None)) else None
    result: RunResult | None = None
    try:
        policy = _policy(pipeline, registry)
        with (
            network.guard(policy) as denied,
            _listening(pipeline, registry, listener, outbox) as events,
            _delivering(outbox),
            ChosenExecutor(pipeline, registry, policy, denied) as executor,
        ):
            session = _session(clock, events, executor, progress)
            with _telling(writer), blaming(pipeline, registry):
                if events:
                    events.run_prepared(pipeline)
                    events.run_started(pipeline.name)
                result = _execute(job, pipeline, session, place, used_plugins(pipeline, registry), denied)
            if writer:
                _tell(writer.finished, result)
            if events:
                events.run_finished(result)
            if report:
                _report(pipeline, registry, result)
    except BaseException as error:
        _note_folder(error, result)
        raise
    return result


def _session(clock: Callable[[], int], events: Any, executor: ChosenExecutor, progress: Progress | None) -> Session:
    session = Session(wall_ns=clock, events=events, executor=executor)
    return session if progress is None else attrs.evolve(session, progress=network.Outside(progress))


def allowed_registry(pipeline: Pipeline) -> Registry:
    """What the plugins offer that ``[plugins]`` of the pipeline allows."""
    table = pipeline.resolved.get("plugins", {})
    return load_registry(only=table.get("only"), pins=table.get("pins"))


def used_plugins(pipeline: Pipeline, registry: Registry) -> list[PluginInfo]:
    """The plugins whose components the pipeline names, its runner's included, by distribution."""
    named = [("runner", pipeline.runner)]
    for table, kind in {**COMPONENT_TABLES, **COMPONENT_LISTS}.items():
        named += [(kind, use) for use in _uses_below(pipeline.resolved.get(table))]
    offers = [registry.components(kind).get(name) for kind, name in named]
    plugins = {offer.plugin.distribution: offer.plugin for offer in offers if offer}
    return [plugins[distribution] for distribution in sorted(plugins)]


def _uses_below(value: Any) -> Iterator[str]:
    """What a table names with ``use``, itself and in the components that it holds (which are of its own kind)."""
    if isinstance(value, Mapping):
        yield _use(value)
    if isinstance(value, Mapping | list):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _uses_below(item)


def _use(table: Any) -> str:
    return str(table.get("use", "")) if isinstance(table, Mapping) else ""


def _with_objects(pipeline: Pipeline | Any, **objects: Any) -> Pipeline:
    """Replace components by objects, in what the manifest will say too. Raises TypeError for what is none."""
    if not isinstance(pipeline, Pipeline):
        use = f"; use run(load_pipeline({str(pipeline)!r}))" if isinstance(pipeline, str | Path) else ""
        raise TypeError(f"run() takes a Pipeline, not {type(pipeline).__name__}{use}")
    for table, value in objects.items():
        _check_object(table, value)
    given = {table: value for table, value in objects.items() if value is not None}
    if not given:
        return pipeline
    resolved = {**pipeline.resolved, **{table: _described(value) for table, value in given.items()}}
    return attrs.evolve(pipeline, resolved=resolved, **given)


def _with_runner(pipeline: Pipeline, name: str, job: Runner) -> Pipeline:
    """The pipeline with the runner that runs it, in what the manifest will say too."""
    if name == pipeline.runner:
        return pipeline
    head = {**pipeline.resolved.get("pipeline", {}), "runner": name}
    own = {name: pipeline.resolved.get(name) or resolved_options(job, {})}
    return attrs.evolve(pipeline, runner=name, resolved={**pipeline.resolved, "pipeline": head, **own})


def _check_object(table: str, value: Any) -> None:
    if isinstance(value, type):
        raise TypeError(f"{table}= takes an object, not a class; make one: {table}={value.__name__}(...)")
    if isinstance(value, str):
        by_name = f"load_pipeline(file, overrides={{'{table}.use': {value!r}}})"
        raise TypeError(f"{table}= takes an object, not the name {value!r}; to name a component use {by_name}")


def _described(component: Any) -> dict[str, Any]:
    cls = type(component)
    fields = attrs.fields(cls) if attrs.has(cls) else ()
    options = {field.name: getattr(component, field.name) for field in fields}
    plain = {name: v if v is None or isinstance(v, str | int | float) else str(v) for name, v in options.items()}
    return {"use": f"{cls.__module__}:{cls.__qualname__}", **plain}


# --- the run and its folder ----------------------------------------------------------------------


def _place(pipeline: Pipeline, out: str | Path | None, *, keep: bool, now_ns: int) -> RunFolder | None:
    if out is not None:
        return RunFolder(Path(out))
    if keep:
        digest = pipeline_digest(pipeline, pipeline.runner)
        return RunFolder(default_folder(RUNS, pipeline.name, now_ns, digest), exact=False)
    return None


def _execute(
    job: Runner,
    pipeline: Pipeline,
    session: Session,
    place: RunFolder | None,
    plugins: Sequence[PluginInfo],
    denied: Sequence[str],
) -> RunResult:
    """Run the job; its files and tables become the run folder, all together or not at all.

    What was ``denied`` to components that went on without it is noted.
    """
    if place is None:
        return _noting(job.run(pipeline, session), pipeline, denied)
    started = session.wall_ns()
    with place as pending:
        folder = pending.temporary
        result = _noting(job.run(pipeline, attrs.evolve(session, folder=folder)), pipeline, denied)
        finished = session.wall_ns()
        write_files(result, pipeline, folder, plugins=plugins, started_ns=started, finished_ns=finished)
    return attrs.evolve(result, facts={**result.facts, FOLDER_FACT: str(place.target)})


def _noting(result: RunResult, pipeline: Pipeline, denied: Sequence[str]) -> RunResult:
    more = dict.fromkeys((*pipeline.notes, *denied))
    return attrs.evolve(result, notes=(*result.notes, *more)) if more else result


def _policy(pipeline: Pipeline, registry: Registry) -> Callable[[], network.Policy] | None:
    """Who may use the network in this run; None where the runner itself needs it, as live trading does."""
    own = registry.get("runner", pipeline.runner).component.network
    return None if own else _parties(pipeline, registry)


def _parties(pipeline: Pipeline, registry: Registry) -> Callable[[], network.Policy]:
    """Who may use the network, made when it is asked for."""

    @functools.cache
    def policy() -> network.Policy:
        parts = [
            (_label(kind, part, registry, use), part, registry.offer_of(kind, part, use))
            for kind, part, use in _parts(pipeline)
        ]
        return network.policy_of(registry, parts)

    return policy


@contextmanager
def as_in_a_run(pipeline: Pipeline) -> Iterator[list[str]]:
    """Components have no network unless they declare it, and what is raised names the one in which it arose.

    Whatever the runner: what a strategy says must follow from its candles before live trading too. Gives a list that
    grows with what was denied.
    """
    registry = allowed_registry(pipeline)
    with network.guard(_parties(pipeline, registry)) as denied, blaming(pipeline, registry):
        yield denied


@contextmanager
def blaming(pipeline: Pipeline, registry: Registry) -> Iterator[None]:
    """What is raised meanwhile gets a note with the component in which it arose."""
    try:
        with _no_exit("a component"):
            yield
    except Exception as error:
        _name_culprit(error, pipeline, registry)
        raise


@contextmanager
def _no_exit(who: str) -> Iterator[None]:
    """Whoever would end the program in silence fails with ComponentError, at the same place in the code."""
    try:
        yield
    except SystemExit as stop:
        text = f"{who} ended the program with sys.exit({stop.code!r}); it must raise an error that says what is wrong"
        raise ComponentError(text).with_traceback(stop.__traceback__) from stop


def _name_culprit(error: Exception, pipeline: Pipeline, registry: Registry) -> None:
    """Add a note that names the component in whose method the error arose, and the line of its file.

    None for one that arose in another process: this one's executor has only passed it on.
    """
    if type(error.__cause__).__name__ == _REMOTE:
        return
    frames, parts = list(traceback.walk_tb(error.__traceback__)), _parts(pipeline)
    for frame, _line in reversed(frames):
        owner = frame.f_locals.get("self")
        # The trial of a search has a component of its own, with other options.
        found = [part for part in parts if part[1] is owner] or [part for part in parts if type(part[1]) is type(owner)]
        if found:
            kind, component, use = found[0]
            label = _label(kind, component, registry, use)
            error.add_note(f"it arose in {frame.f_code.co_name} of {label}{_own_line(type(component), frames)}")
            return


def _parts(pipeline: Pipeline) -> list[tuple[str, object, str]]:
    """(kind, component, what the pipeline calls it) of everything that a run calls but its runner."""
    tables = {table: getattr(pipeline, "source" if table == "data" else table) for table in COMPONENT_TABLES}
    lists = {table: list(getattr(pipeline, table)) for table in COMPONENT_LISTS}
    lists["risk"] = [named.rule for named in pipeline.risk]
    lists["alerts"] = [routed.sink for routed in pipeline.alerts]
    parts = [(COMPONENT_TABLES[table], part, _use(pipeline.resolved.get(table))) for table, part in tables.items()]
    for table, components in lists.items():
        uses = _uses(table, components, pipeline)
        parts += [(COMPONENT_LISTS[table], part, use) for part, use in zip(components, uses, strict=True)]
    return [(kind, part, use) for kind, part, use in parts if part is not None]


def _own_line(cls: type[Any], frames: Sequence[tuple[FrameType, int]]) -> str:
    """`` (mine.py:14)``: the innermost line of the class's own file, as seen from the working directory."""
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    lines = [line for frame, line in frames if file and frame.f_code.co_filename == file]
    if not lines:
        return ""
    path, here = Path(file or ""), Path.cwd()
    return f" ({path.relative_to(here) if path.is_relative_to(here) else path}:{lines[-1]})"


def _report(pipeline: Pipeline, registry: Registry, result: RunResult) -> None:
    folder = result.facts.get(FOLDER_FACT)
    labels = _labels("reporters", pipeline.reporters, pipeline, registry)
    for label, reporter in zip(labels, pipeline.reporters, strict=True):
        with _no_exit(label):
            reporter.write(result, Path(folder) if folder else None)


def _note_folder(error: BaseException, result: RunResult | None) -> None:
    """Whatever comes after the run leaves its folder complete."""
    folder = result.facts.get(FOLDER_FACT) if result else None
    if folder:
        error.add_note(f"the run itself is complete: {folder}")


# --- observers -----------------------------------------------------------------------------------


class EventHub:
    """Tells each event to the observers that have a method for it.

    What an observer raises is logged with its name and stops neither the run nor the others; from the
    second time on only at debug level.
    """

    def __init__(self, observers: Iterable[tuple[str, Observer]], outbox: Outbox | None = None) -> None:
        self._outbox = outbox
        self._failed: set[tuple[str, str]] = set()
        self._open = [(label, observer) for label, observer in observers if self._guard(label, "open", observer.open)]
        self._listeners = {
            event: [(label, getattr(observer, event)) for label, observer in self._open if hasattr(observer, event)]
            for event in _EVENTS
        }

    def run_prepared(self, pipeline: Pipeline) -> None:
        """This pipeline is about to run."""
        self._tell("run_prepared", pipeline)

    def run_started(self, name: str) -> None:
        """The pipeline of that name starts."""
        self._tell("run_started", name)

    def run_finished(self, result: RunResult) -> None:
        """The run ended well and its folder is complete."""
        self._tell("run_finished", result)

    def order_refused(self, refusal: Refusal) -> None:
        """An entry was refused."""
        self._tell("order_refused", refusal)

    def order_filled(self, position: Position) -> None:
        """An entry filled."""
        self._tell("order_filled", position)

    def trade_closed(self, trade: Trade) -> None:
        """A position was closed."""
        self._tell("trade_closed", trade)

    def breaker_tripped(self, rule: str, trip: Trip, time_ns: int) -> None:
        """A breaker tripped at the close of that bar."""
        self._tell("breaker_tripped", rule, trip, time_ns)

    def equity_updated(self, time_ns: int, equity: float) -> None:
        """Equity at a close."""
        self._tell("equity_updated", time_ns, equity)

    def bars_decided(self, time_ns: int, symbols: Sequence[str], seconds: float) -> None:
        """All is decided at the close of that bar."""
        self._tell("bars_decided", time_ns, symbols, seconds)

    def close(self) -> None:
        """Close the observers that were opened."""
        self._tell_dropped()
        for label, observer in self._open:
            self._guard(label, "close", observer.close)

    def _tell(self, event: str, *details: Any) -> None:
        for label, method in self._listeners[event]:
            self._guard(label, event, method, *details)
        self._tell_dropped()

    def _tell_dropped(self) -> None:
        """``alert_dropped`` on the run's own thread, as every event."""
        for dropped in self._outbox.take_dropped() if self._outbox else ():
            for label, method in self._listeners["alert_dropped"]:
                self._guard(label, "alert_dropped", method, *dropped)

    def _guard(self, label: str, event: str, method: Callable[..., None], *details: Any) -> bool:
        try:
            method(*details)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - an observer must not stop the run
            import logging

            level = logging.DEBUG if (label, event) in self._failed else logging.WARNING
            self._failed.add((label, event))
            logging.getLogger(__name__).log(level, "%s failed in %s: %s: %s", label, event, type(error).__name__, error)
            return False
        return True


@contextmanager
def _listening(
    pipeline: Pipeline, registry: Registry, writer: AlertWriter | None, outbox: Outbox | None
) -> Iterator[EventHub | None]:
    """The hub of the pipeline's observers and of ``writer``, closed at the end; None when nobody listens."""
    labels = _labels("observers", pipeline.observers, pipeline, registry)
    observers: list[tuple[str, Observer]] = list(zip(labels, pipeline.observers, strict=True))
    if writer:
        observers.insert(0, ("alerts", writer))
    if not observers:
        yield None
        return
    hub = EventHub(observers, outbox)
    try:
        yield hub
    finally:
        hub.close()


def _labels(table: str, components: Sequence[object], pipeline: Pipeline, registry: Registry) -> list[str]:
    """The labels of the components of one list."""
    uses = _uses(table, components, pipeline)
    return [_label(COMPONENT_LISTS[table], part, registry, use) for part, use in zip(components, uses, strict=True)]


def _uses(table: str, components: Sequence[object], pipeline: Pipeline) -> list[str]:
    """What the pipeline calls the components of a list; nothing where Python code put others there."""
    uses = [_use(item) for item in pipeline.resolved.get(table) or ()]
    return uses if len(uses) == len(components) else [""] * len(components)


def _label(kind: str, component: object, registry: Registry, use: str) -> str:
    """How a message names a component: name and distribution where a plugin offers it, else its ``use``."""
    offer = registry.offer_of(kind, component, use)
    path = f"{type(component).__module__}:{type(component).__qualname__}"
    return offer.title if offer else f"{kind.replace('-', ' ')} {use or path!r}"


# --- alerts --------------------------------------------------------------------------------------


def _outbox(pipeline: Pipeline, registry: Registry) -> Outbox | None:
    """A queue for each sink of the pipeline; a sink is opened when its first alert comes."""
    if not pipeline.alerts:
        return None
    from quantsail_framework.outbox import Outbox

    labels = _labels("alerts", [routed.sink for routed in pipeline.alerts], pipeline, registry)
    named = [
        label if labels.count(label) == 1 else f"{label} ({routed.name})"
        for label, routed in zip(labels, pipeline.alerts, strict=True)
    ]
    return Outbox(zip(named, pipeline.alerts, strict=True), warn=_warn)


def _writer(pipeline: Pipeline, outbox: Outbox | None, clock: Callable[[], int]) -> AlertWriter | None:
    if outbox is None:
        return None
    from quantsail_framework.alerts import AlertWriter  # only a run with alerts pays for it

    return AlertWriter(pipeline, outbox.put, clock, redacted)


@contextmanager
def _delivering(outbox: Outbox | None) -> Iterator[None]:
    """Deliver in the end what waits, for a few seconds at most."""
    try:
        yield
    finally:
        if outbox:
            outbox.close()


@contextmanager
def _telling(writer: AlertWriter | None) -> Iterator[None]:
    """Tell how the run ended where it does not end well."""
    try:
        yield
    except KeyboardInterrupt:
        if writer:
            _tell(writer.interrupted)
        raise
    except Exception as error:
        if writer:
            _tell(writer.failed, error)
        raise


def _tell(method: Callable[..., None], *details: Any) -> None:
    """Alert how the run ended. What goes wrong with that is logged: it changes nothing about the run."""
    try:
        method(*details)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the result and the error are strangers' objects
        _warn(f"the end of the run could not be put into an alert: {words(error)}")


def _warn(text: str) -> None:
    """Log what holds words of strangers."""
    import logging

    logging.getLogger(__name__).warning("%s", brief(redacted(text)))

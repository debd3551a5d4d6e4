"""From merged values to a Pipeline: every table checked, every component made, all problems told at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from quantsail_framework import network
from quantsail_framework.config.components import (
    Made,
    Problems,
    Workshop,
    make_component,
    make_options,
    named_symbols,
    resolved_options,
)
from quantsail_framework.config.kinds import check_class
from quantsail_framework.config.layers import Resolved
from quantsail_framework.config.local import local_code
from quantsail_framework.config.plain import plain
from quantsail_framework.config.positions import Key
from quantsail_framework.config.tables import (
    AlertsTable,
    DataTable,
    PipelineTable,
    PluginsTable,
    informative,
    nanoseconds,
)
from quantsail_framework.config.tree import (
    COMPONENT_LISTS,
    COMPONENT_TABLES,
    DATA_KEYS,
    PIPELINE_KEYS,
    Place,
    dotted,
    items_of,
)
from quantsail_framework.config.wording import describe, did_you_mean
from quantsail_framework.domain.instrument import quote_currency
from quantsail_framework.errors import InputError, PipelineError, PluginError

if TYPE_CHECKING:
    from quantsail_framework.plugins import Registry
    from quantsail_framework.ports.runner import Pipeline

# A file may hold tables for runners that are not installed here; these names are known to be no typing errors.
FIRST_PARTY_RUNNERS = ("backtest", "replay", "walk-forward", "monte-carlo", "sweep", "optuna", "paper", "live")
REQUIRED = ("data", "strategy", "costs", "sizer")
TABLES = ("pipeline", "plugins", *COMPONENT_TABLES, *COMPONENT_LISTS)
# Keyword of load_pipeline to the table that the object replaces.
REPLACES = {"source": "data", "strategy": "strategy", "costs": "costs", "sizer": "sizer"}


def assemble(
    resolved: Resolved, registry: Registry, *, runner: str | None = None, components: Mapping[str, Any] | None = None
) -> Pipeline:
    """The pipeline, ready to run. Raises PipelineError with every problem, and NetworkDeniedError as a run does."""
    builder = _Builder(resolved, registry, runner, components or {})
    with network.guard(builder.policy()) as denied:
        pipeline = builder.build()
    return attrs.evolve(pipeline, notes=tuple(denied)) if denied else pipeline


def allowed_plugins(resolved: Resolved) -> list[str] | None:
    """What ``[plugins] only`` says, None when it says nothing that can be used."""
    only = resolved.tree.get(("plugins", "only"))
    return only if isinstance(only, list) and all(isinstance(name, str) for name in only) else None


def pinned_plugins(resolved: Resolved) -> dict[str, str]:
    """What ``[plugins.pins]`` says, as far as it can be used."""
    pins = resolved.tree.get(("plugins", "pins"))
    return {name: pin for name, pin in pins.items() if isinstance(pin, str)} if isinstance(pins, dict) else {}


class _Builder:
    """One pass over the tables in their order; ``_resolved`` and ``_origins`` grow with it."""

    def __init__(
        self, resolved: Resolved, registry: Registry, runner: str | None, components: Mapping[str, Any]
    ) -> None:
        self._path, self._tree = resolved.path, resolved.tree
        self._registry, self._given = registry, components
        self._problems = Problems(self._tree)
        for parts, place, text in resolved.problems:
            self._problems.add_at(place, ".".join(str(part) for part in parts), text)
        if runner is not None and isinstance(self._tree.values.get("pipeline", {}), dict):
            place = Place("--runner", "--runner", self._tree.place(()).folder)
            self._tree.assign(("pipeline", "runner"), runner, place)
        self._shop = Workshop(self._tree, registry, self._problems, allowed_plugins(resolved), resolved.is_plain)
        self._resolved: dict[str, Any] = {}
        self._origins: dict[str, str] = {}

    def policy(self) -> Callable[[], network.Policy] | None:
        """Who may use the network meanwhile, asked anew each time since classes are still being imported; None where
        the runner needs it."""
        runner = self._registry.components("runner").get(str(self._active()))
        if runner is not None and runner.component.network:
            return None
        return lambda: network.policy_of(self._registry)

    def build(self) -> Pipeline:
        from quantsail_framework.ports.alert_sink import RoutedSink
        from quantsail_framework.ports.runner import NamedRule, Pipeline

        self._check_tables()
        head = self._table(PipelineTable, "pipeline")
        self._plugins()
        spec, source = self._data(head)
        strategy, costs, sizer = (self._component(table) for table in ("strategy", "costs", "sizer"))
        lists = {table: self._components(table) for table in COMPONENT_LISTS}
        routes = self._routes()
        executor = self._component("executor") if "executor" in self._tree.values else None
        runner_options = self._runners()
        if len(self._problems):
            raise PipelineError(self._problems.lines())
        rules = zip(items_of(self._tree, ("risk",)), lists["risk"], strict=True)
        sinks = zip(items_of(self._tree, ("alerts",)), lists["alerts"], routes, strict=True)
        return Pipeline(
            name=self._resolved["pipeline"]["name"],
            runner=head["runner"],
            capital=head["capital"],
            data=spec,
            source=source,
            strategy=strategy,
            costs=costs,
            sizer=sizer,
            risk=tuple(NamedRule(name, rule) for name, rule in rules),
            alerts=tuple(RoutedSink(name, sink, route.min_level, route.only) for name, sink, route in sinks),
            observers=tuple(lists["observers"]),
            reporters=tuple(lists["reporters"]),
            executor=executor,
            currency=self._resolved["pipeline"]["currency"],
            timezone=head["timezone"],
            seed=head["seed"],
            which_alerts=head["alerts"],
            resolved=self._resolved,
            origins=self._origins,
            code=local_code((source, strategy, costs, sizer, *lists.values(), runner_options)),
            runner_options=runner_options,
            folder=self._tree.place(()).folder,
        )

    # -- the tables of the pipeline itself -------------------------------------------------------

    def _check_tables(self) -> None:
        runners = {*self._registry.components("runner"), *FIRST_PARTY_RUNNERS}
        for name in self._tree.values:
            if name not in TABLES and name not in runners:
                known = f"; it is neither part of a pipeline nor a runner ({', '.join(sorted(runners))})"
                near = did_you_mean(name, (*TABLES, *runners, "extends", "profiles"), known)
                self._problems.add((name,), f"unknown table{near}")
        for name in REQUIRED:
            if name not in self._tree.values and (name == "data" or name not in self._given):
                self._problems.add((name,), f"the table [{name}] is missing")

    def _table(self, cls: type[Any], name: str, keys: Sequence[str] | None = None) -> dict[str, Any]:
        """Effective options of a fixed table by name; incomplete when there are problems."""
        table = self._tree.values.get(name, {})
        if not isinstance(table, dict):
            self._problems.add((name,), f"expects a table, got {describe(table)}")
            return {}
        values = {key: value for key, value in table.items() if keys is None or key in keys}
        made = make_options(self._shop, (name,), cls, values, f"[{name}]")
        if made is None:
            return {}
        self._note(name, made.resolved)
        return {field.name: getattr(made.component, field.name) for field in attrs.fields(cls)}

    def _plugins(self) -> None:
        if "plugins" not in self._tree.values:
            return
        table = self._table(PluginsTable, "plugins")
        installed = [plugin.name for plugin in self._registry.plugins]
        for index, name in enumerate(table.get("only") or ()):
            if not any(plugin.is_called(name) for plugin in self._registry.plugins):
                near = did_you_mean(name, installed, f"; installed: {', '.join(sorted(installed)) or 'none'}")
                self._problems.add(("plugins", "only", index), f"no plugin named {name!r}{near}")
        for name, pin in table.get("pins", {}).items():
            self._check_pin(name, pin)

    def _check_pin(self, name: str, pin: str) -> None:
        from quantsail_framework.plugins import broken_pin

        found = next((plugin for plugin in self._registry.plugins if plugin.is_called(name)), None)
        if found is None:
            known = [plugin.name for plugin in self._registry.plugins]
            self._problems.add(("plugins", "pins", name), f"no plugin named {name!r}{did_you_mean(name, known)}")
        elif problem := broken_pin(found, pin):
            self._problems.add(("plugins", "pins", name), problem)

    def _data(self, head: Mapping[str, Any]) -> tuple[Any, Any]:
        from quantsail_framework.ports.runner import DataSpec

        self._resolved["data"] = {"use": None}  # its first key; the component fills it
        table = self._table(DataTable, "data", DATA_KEYS) if "data" in self._tree.values else {}
        source = self._component("data", skip=DATA_KEYS)
        self._name_and_currency(head, table.get("symbols", ()))
        if not table:
            return None, source
        start, end = nanoseconds(table["start"]), nanoseconds(table["end"])
        pairs = tuple(informative(text) for text in table["informative"])
        return DataSpec(table["symbols"], table["timeframe"], start, end, pairs, table["gaps"]), source

    def _name_and_currency(self, head: Mapping[str, Any], symbols: Sequence[str]) -> None:
        if not head:
            return
        pipeline = self._resolved["pipeline"]
        if pipeline["name"] is None:
            pipeline["name"] = re.sub(r"[^\w .+-]", "-", self._path.stem).lstrip(" .+-") or "pipeline"
        pipeline["currency"] = self._currency(head["currency"], symbols)

    def _currency(self, given: str | None, symbols: Sequence[str]) -> str | None:
        """The one quote currency of the run. More than one, or another than was given, is a problem."""
        quotes = {symbol: quote_currency(symbol) or given for symbol in symbols}
        different = list(dict.fromkeys(quotes.values()))
        if len(different) > 1:
            parts = [f"{symbol} in {quote or 'an unknown currency'}" for symbol, quote in quotes.items()]
            remedy = "run them apart" if None not in different else "say which with [pipeline] currency"
            self._problems.add(
                ("data", "symbols"), f"must share one quote currency, but are priced: {', '.join(parts)}; {remedy}"
            )
        elif given is not None and different and different != [given]:
            text = f"is {given}, but the symbols are priced in {different[0]}; remove it or run other symbols"
            self._problems.add(("pipeline", "currency"), text)
        return different[0] if different else given

    # -- components ------------------------------------------------------------------------------

    def _component(self, table: str, skip: Sequence[str] = ()) -> Any:
        """The component of one table, or the object that was passed for it; None when it has problems."""
        keyword = next((word for word, replaced in REPLACES.items() if replaced == table), table)
        if keyword in self._given:
            return self._passed(table, keyword)
        if table not in self._tree.values:
            return None
        made = make_component(self._shop, (table,), COMPONENT_TABLES[table], skip)
        if made is None:
            return None
        self._note(table, {"use": made.use, **made.resolved})
        for path, text in self._foreign(made.component):
            self._problems.add((table, *path), text)
        return made.component

    def _foreign(self, component: Any) -> Iterator[tuple[Key, str]]:
        """(path, problem) of every market that a component names and the run does not have."""
        symbols = self._tree.get(("data", "symbols"))
        if isinstance(symbols, list):
            for path, symbol in named_symbols(component):
                if symbol not in symbols:
                    known = [each for each in symbols if isinstance(each, str)]
                    near = did_you_mean(symbol, known, f"; it has {', '.join(known)}")
                    yield path, f"the run has no such market{near}"

    def _passed(self, table: str, keyword: str) -> Any:
        component = self._given[keyword]
        cls = type(component)
        try:
            check_class(COMPONENT_TABLES[table], cls)
            options = resolved_options(component, {})
        except PluginError as error:
            raise PipelineError([f"{keyword}=: {error}"]) from error
        if foreign := [f"{keyword}=: {dotted(self._tree, path)}: {text}" for path, text in self._foreign(component)]:
            raise PipelineError(foreign)
        resolved = {"use": f"{cls.__module__}:{cls.__qualname__}", **options}
        self._resolved.setdefault(table, {}).update(resolved)
        self._origins.update({f"{table}.{name}": f"argument {keyword}=" for name in resolved})
        return component

    def _components(self, table: str) -> list[Any]:
        items = self._tree.values.get(table, [])
        if not isinstance(items, list):
            self._problems.add((table,), f"expects a list: write [[{table}]], not [{table}]")
            return []
        kind, skip = COMPONENT_LISTS[table], PIPELINE_KEYS.get(table, ())
        made = [make_component(self._shop, (table, index), kind, skip) for index in range(len(items))]
        self._resolved[table] = [{} for _ in items]
        for index, item in enumerate(made):
            if item is not None:
                self._note_item(table, index, {"use": item.use, **item.resolved})
                for path, text in self._foreign(item.component):
                    self._problems.add((table, index, *path), text)
        return [item.component for item in made if item is not None]

    def _routes(self) -> list[Any]:
        """Which alerts go to each item of ``[[alerts]]``; incomplete when there are problems."""
        items = self._tree.values.get("alerts")
        found = []
        for index, item in enumerate(items if isinstance(items, list) else ()):
            table = item if isinstance(item, dict) else {}
            values = {key: table[key] for key in PIPELINE_KEYS["alerts"] if key in table}
            made = make_options(self._shop, ("alerts", index), AlertsTable, values, "[[alerts]]")
            if made is not None:
                found.append(made.component)
                self._note_item("alerts", index, made.resolved)
        return found

    def _runners(self) -> dict[str, dict[str, Any]]:
        """Options of every runner table of an installed runner, and of the runner that is asked for."""
        active = self._active()
        installed = self._registry.components("runner")
        tables = [name for name in self._tree.values if name in installed and name not in TABLES]
        if isinstance(active, str) and active not in tables:
            tables.append(active)
        options = {}
        for name in sorted(tables):
            made = self._runner(name, is_active=name == active)
            if made is not None:
                options[name] = dict(made.arguments)
                self._note(name, made.resolved)
        for name in sorted(set(self._tree.values) & set(FIRST_PARTY_RUNNERS) - set(installed)):
            self._note(name, plain(self._tree.values[name]))
        return options

    def _active(self) -> Any:
        return self._tree.get(("pipeline", "runner")) or "backtest"

    def _runner(self, name: str, *, is_active: bool) -> Made | None:
        values = self._tree.values.get(name, {})
        if not isinstance(values, dict):
            self._problems.add((name,), f"expects a table, got {describe(values)}")
            return None
        try:
            cls = self._registry.load("runner", name)
            check_class("runner", cls)
        except InputError as error:
            self._problems.add(("pipeline", "runner") if is_active else (name,), str(error))
            return None
        return make_options(self._shop, (name,), cls, values, name)

    # -- what the manifest keeps -----------------------------------------------------------------

    def _note(self, table: str, options: Any) -> None:
        if not isinstance(options, dict):
            self._resolved[table] = options
            return
        self._resolved.setdefault(table, {}).update(options)
        for name in options:
            self._origins[f"{table}.{name}"] = self._origin((table, name))

    def _note_item(self, table: str, index: int, options: Mapping[str, Any]) -> None:
        self._resolved[table][index].update(options)
        for name in options:
            key: Key = (table, index, name)
            self._origins[dotted(self._tree, key)] = self._origin(key)

    def _origin(self, key: Key) -> str:
        return self._tree.places[key].origin if key in self._tree.places else "default"

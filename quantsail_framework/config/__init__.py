"""From a pipeline file to a Pipeline: layers, strict checks, components, and the options they have.

Values come from, each over the one before: defaults of the components, files in ``extends``, the file,
a profile, ``QUANTSAIL__TABLE__OPTION`` variables, ``--set table.option=value``. Tables merge key by key;
a list, also a list of components, replaces the one below; another ``use`` starts the options of its
table anew. The items of a list are known by the name of their component (``risk.max-daily-loss.limit``),
repeated ones as ``max-daily-loss-2``. Relative paths count from the folder of the file they stand in,
from that of the pipeline file elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantsail_framework.config.layers import OVERRIDES, Resolved, parse_overrides, resolve
from quantsail_framework.config.options import Option, options_of
from quantsail_framework.config.revive import without_none
from quantsail_framework.config.schema import json_schema
from quantsail_framework.config.secrets import Secret
from quantsail_framework.config.tree import Place, Tree, item_names
from quantsail_framework.errors import PipelineError

if TYPE_CHECKING:
    from quantsail_framework.plugins import Registry
    from quantsail_framework.ports.runner import Pipeline, Runner

__all__ = [
    "Option",
    "Resolved",
    "Secret",
    "build",
    "build_runner",
    "item_names",
    "json_schema",
    "load_pipeline",
    "options_of",
    "parse_overrides",
    "rebuild",
    "registry_for",
    "resolve",
]


def load_pipeline(
    path: str | Path,
    *,
    registry: Registry | None = None,
    profile: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    told_as: str = OVERRIDES,
    environ: Mapping[str, str] | None = None,
    runner: str | None = None,
    block: Sequence[str] = (),
    **components: Any,
) -> Pipeline:
    """Read a pipeline file and make everything it names.

    ``overrides`` maps dotted keys to values, as ``--set`` does (text is read as TOML where it can be),
    ``told_as`` what messages and origins call them;
    ``runner`` replaces ``[pipeline] runner``; ``block`` names plugins not to load. ``source``,
    ``strategy``, ``costs`` and ``sizer`` take an object in place of the component of that table.
    Raises PipelineError with every problem, one line each.
    """
    from quantsail_framework.config.assemble import REPLACES, assemble

    unknown = [name for name in components if name not in REPLACES]
    if unknown:
        raise TypeError(f"load_pipeline() takes no {unknown[0]!r}; objects may replace {', '.join(REPLACES)}")
    resolved = resolve(path, profile=profile, overrides=overrides, told_as=told_as, environ=environ)
    if registry is None:
        registry = registry_for(resolved, block)
    given = {name: component for name, component in components.items() if component is not None}
    return assemble(resolved, registry, runner=runner, components=given)


def rebuild(
    values: Mapping[str, Any], folder: str | Path, told_as: str, *, registry: Registry | None = None
) -> Pipeline:
    """The pipeline whose ``resolved`` values these are, as the manifest of a run keeps them.

    Relative paths count from ``folder``; ``told_as`` begins each line of the PipelineError. Nothing lies over the
    values: what the environment or a profile changed then is in them.
    """
    from quantsail_framework.config.assemble import assemble

    place = Place(told_as, told_as, Path(folder).absolute())
    resolved = Resolved(Path(told_as), Tree(without_none(values), {(): place}), is_plain=True)
    return assemble(resolved, registry or registry_for(resolved))


def registry_for(resolved: Resolved, block: Sequence[str] = ()) -> Registry:
    """What the plugins offer that ``[plugins]`` allows, less those in ``block``; one that is not as pinned is not
    imported."""
    from quantsail_framework.config.assemble import allowed_plugins, pinned_plugins
    from quantsail_framework.plugins import load_registry

    return load_registry(block=block, only=_installed(allowed_plugins(resolved)), pins=pinned_plugins(resolved))


def _installed(only: Sequence[str] | None) -> Sequence[str] | None:
    """Those of ``only`` that exist: the others are told with their line, beside the other problems."""
    from quantsail_framework.plugins import installed_plugins

    if only is None:
        return None
    installed = installed_plugins()
    return [name for name in only if any(plugin.is_called(name) for plugin in installed)]


def build(cls: type[Any], values: Mapping[str, Any], where: str = "options") -> Any:
    """An object of a component class from plain option values, as strictly as from a file.

    ``where`` begins each line of the PipelineError. Paths stay as they are.
    """
    from quantsail_framework.config.structure import RefusedError, make, structure_options

    try:
        arguments, problems = structure_options(cls, values, cls.__name__)
        if problems:
            raise RefusedError(problems)
        return make(cls, arguments)
    except RefusedError as refused:
        raise PipelineError([_line(where, path, text) for path, text in refused.problems]) from refused


def build_runner(pipeline: Pipeline, registry: Registry, name: str) -> Runner:
    """The runner of that name with the options that the pipeline has for it."""
    runner: Runner = build(registry.load("runner", name), pipeline.runner_options.get(name, {}), f"[{name}]")
    return runner


def _line(where: str, path: tuple[str | int, ...], text: str) -> str:
    return ": ".join([where, *(str(part) for part in path), text])

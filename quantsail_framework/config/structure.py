"""Strict structuring of options: no coercion but int for float, every problem of every field in one pass."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import attrs

from quantsail_framework.config.kinds import check_class
from quantsail_framework.config.local import ClassReference
from quantsail_framework.config.options import (
    component_kind,
    default_of,
    expected,
    is_union,
    item_types,
    members,
    option_fields,
    value_type,
)
from quantsail_framework.config.positions import Key
from quantsail_framework.config.secrets import Secret
from quantsail_framework.config.wording import describe, did_you_mean, first_line
from quantsail_framework.domain.timeframe import Timeframe
from quantsail_framework.errors import InputError, PipelineError, PluginError

Problem = tuple[Key, str]


class RefusedError(Exception):
    """A value that does not fit its type; ``problems`` hold paths relative to that value."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(text for _, text in problems))
        self.problems = problems


def structure_options(
    cls: type[Any], values: Mapping[str, Any], owner: str = "it", also: Sequence[str] = ()
) -> tuple[dict[str, Any], list[Problem]]:
    """Arguments for ``cls`` from the plain values of its options, and every problem with them.

    ``owner`` names the component in the text for an unknown option, ``also`` what else may have been meant.
    """
    arguments, problems = _structured(cls, values, owner, also)
    return arguments, problems + _run_validators(cls, arguments)


def made_of(cls: type[Any], values: Mapping[str, Any]) -> Any:
    """A component of the plain values of its options. Raises RefusedError with every problem.

    Where all of them fit, validators run once, as it is made: a search makes thousands.
    """
    arguments, problems = _structured(cls, values, cls.__name__, ())
    if problems:
        raise RefusedError(problems + _run_validators(cls, arguments))
    try:
        return make(cls, arguments)
    except RefusedError as first:
        raise RefusedError(_run_validators(cls, arguments) or first.problems) from first


def _structured(
    cls: type[Any], values: Mapping[str, Any], owner: str, also: Sequence[str]
) -> tuple[dict[str, Any], list[Problem]]:
    fields = option_fields(cls)
    problems: list[Problem] = [
        ((name,), _unknown(name, (*fields, *also), owner)) for name in values if name not in fields
    ]
    arguments: dict[str, Any] = {}
    for name, field in fields.items():
        if name in values:
            try:
                arguments[name] = structure(values[name], field.type)
            except RefusedError as refused:
                problems += [((name, *key), text) for key, text in refused.problems]
        elif field.default is attrs.NOTHING:
            problems.append(((name,), "required option is missing"))
    return arguments, problems


def make(cls: type[Any], arguments: Mapping[str, Any]) -> Any:
    """``cls(**arguments)``. What the class itself refuses becomes a RefusedError with the field it names."""
    try:
        return cls(**arguments)
    except PipelineError as error:
        raise RefusedError([_placed(problem, option_fields(cls)) for problem in error.problems]) from error
    except (ValueError, TypeError, InputError) as error:
        name, text = _told(error)
        key = (name,) if name in option_fields(cls) else ()
        raise RefusedError([(key, text if key else first_line(error))]) from error
    except SystemExit as stop:
        raise RefusedError([((), f"{cls.__name__} ended the program with sys.exit({stop.code!r})")]) from stop
    except Exception as error:
        error.add_note(f"while making {cls.__name__} from its options")
        raise


def _placed(problem: str, names: Iterable[str]) -> Problem:
    """A problem whose text may begin with the name of the option that it is about: ``constraints: ...``."""
    for name in names:
        if problem.startswith((f"{name}.", f"{name}: ")):
            return (name,), problem[len(name) :].lstrip(".: ")
    return (), problem


def structure(value: Any, annotation: Any) -> Any:
    """``value`` as ``annotation`` says. Raises RefusedError with every place that does not fit."""
    return _hook_of(annotation)(value, annotation)


def _unknown(name: str, known: Sequence[str], owner: str) -> str:
    has = f"{owner} has {', '.join(known) or 'no options'}"
    return f"unknown option{did_you_mean(name, known, f'; {has}')}"


def _run_validators(cls: type[Any], arguments: Mapping[str, Any]) -> list[Problem]:
    """Ask the validators of all fields at once; making the object would stop at the first that refuses."""
    if getattr(cls, "__abstractmethods__", None):
        return []  # making it tells what is missing
    fields = option_fields(cls)
    draft = object.__new__(cls)
    for name, field in fields.items():
        value = arguments.get(name, default_of(field))
        if value is not attrs.NOTHING:
            object.__setattr__(draft, field.name, value)
    problems: list[Problem] = []
    for name, value in arguments.items():
        field = fields[name]
        if field.validator is None or field.converter is not None:
            continue
        try:
            field.validator(draft, field, value)
        except (ValueError, TypeError, InputError) as error:
            problems.append(((name,), _told(error)[1]))
        except Exception:  # noqa: BLE001, S112 - it looks at a field that has a problem; else making it tells
            continue
    return problems


def _told(error: BaseException) -> tuple[str, str]:
    """The field that a validator's message names, and the message in our words."""
    text = first_line(error)
    match = re.fullmatch(r"(Length of )?'(\w+)' (must be .+?)(?:: (.+))?", text)
    if match is None:
        return "", text
    length, name, rule, value = match.groups()
    got = f", got {value}" if value is not None else ""
    return name.lstrip("_"), f"{'length ' if length else ''}{rule}{got}"


@cache
def _hook_of(annotation: Any) -> _Hook:
    """What makes a value of that type: as the nearest class that it derives from, else as the first kind that it is."""
    for cls in getattr(annotation, "__mro__", ()):
        if cls in _EXACT:
            return _EXACT[cls]
    return next(hook for matches, hook in _GENERAL if matches(annotation))


def _refuse(value: Any, annotation: Any, remedy: str = "") -> RefusedError:
    if _holds_secret(annotation):  # whatever stands there may be the secret itself
        return RefusedError(
            [((), f'expects {expected(annotation)}, each given as {{ env = "NAME" }} or {{ file = "path" }}')]
        )
    return RefusedError([((), f"expects {expected(annotation)}, got {describe(value)}{remedy}")])


def _holds_secret(annotation: Any) -> bool:
    return annotation is Secret or any(_holds_secret(part) for part in get_args(annotation))


def _whole(value: Any, annotation: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _refuse(value, annotation, _unquote(value, r"[+-]?\d+"))
    return value


def _number(value: Any, annotation: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refuse(value, annotation, _unquote(value, r"[+-]?\d+(\.\d+)?(e[+-]?\d+)?"))
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        got = value if isinstance(value, float) else "one too large"
        raise RefusedError([((), f"expects a finite number, got {got}")])
    return number


def _flag(value: Any, annotation: Any) -> bool:
    if not isinstance(value, bool):
        raise _refuse(value, annotation, _unquote(value, "true|false"))
    return value


def _text(value: Any, annotation: Any) -> str:
    if not isinstance(value, str):
        plain = isinstance(value, bool | int | float | dt.date)
        raise _refuse(value, annotation, "; put it in quotes" if plain else "")
    return value


def _unquote(value: Any, pattern: str) -> str:
    if not isinstance(value, str) or not re.fullmatch(pattern, value.lower()):
        return ""
    if r"\d{4}" in pattern and not _is_day(value[:10]):
        return "; there is no such day"
    return (
        "; remove the quotes" if pattern != "true|false" or value in ("true", "false") else f"; write {value.lower()}"
    )


def _is_day(text: str) -> bool:
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _path(value: Any, annotation: Any) -> Path:
    if isinstance(value, Path):
        return value
    if not _text(value, annotation):
        raise RefusedError([((), "expects a path, got an empty text")])
    return Path(value).expanduser()


def _date(value: Any, annotation: Any) -> dt.date:
    if isinstance(value, dt.datetime) or not isinstance(value, dt.date):
        raise _refuse(value, annotation, _unquote(value, r"\d{4}-\d\d-\d\d"))
    return value


def _moment(value: Any, annotation: Any) -> dt.datetime:
    """A date is its 00:00 UTC; a date-time without a zone could mean any of them."""
    if isinstance(value, dt.datetime):
        if value.tzinfo is None:
            written = value.isoformat()
            raise RefusedError([((), f"the date-time {written} has no zone; write {written}Z for UTC")])
        return value.astimezone(dt.UTC)
    if isinstance(value, dt.date):
        return dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
    raise _refuse(value, annotation, _unquote(value, r"\d{4}-\d\d-\d\d([t ][\d:.]+(z|[+-]\d\d:\d\d)?)?"))


def _timeframe(value: Any, annotation: Any) -> Timeframe:
    try:
        return value if isinstance(value, Timeframe) else Timeframe(_text(value, annotation))
    except ValueError as error:
        raise RefusedError([((), first_line(error))]) from error


def _class_reference(value: Any, annotation: Any) -> ClassReference:
    try:
        return value if isinstance(value, ClassReference) else ClassReference(_text(value, annotation))
    except ValueError as error:
        raise RefusedError([((), first_line(error))]) from error


def _secret(value: Any, _annotation: Any) -> Secret:
    """Never repeats what was given: it may be the secret itself."""
    remedy = 'give { env = "NAME" } or { file = "path" }'
    if isinstance(value, Secret):
        return value
    if not isinstance(value, dict):
        raise RefusedError([((), f"is a secret and must not stand in the pipeline; {remedy}")])
    if set(value) not in ({"env"}, {"file"}) or not all(isinstance(item, str) and item for item in value.values()):
        raise RefusedError([((), f"is a secret; {remedy}")])
    return Secret(env=value.get("env"), file=Path(value["file"]).expanduser() if "file" in value else None)


def _enum(value: Any, annotation: Any) -> Enum:
    if isinstance(value, annotation):
        return value  # type: ignore[no-any-return]
    choices = {member.value: member for member in annotation}
    found: Enum = choices[_choice(value, annotation, list(choices))]
    return found


def _literal(value: Any, annotation: Any) -> Any:
    return _choice(value, annotation, list(get_args(annotation)))


def _choice(value: Any, annotation: Any, choices: list[Any]) -> Any:
    for choice in choices:
        if type(choice) is type(value) and choice == value:
            return choice
    texts = [choice for choice in choices if isinstance(choice, str)]
    raise _refuse(value, annotation, did_you_mean(value, texts) if isinstance(value, str) else "")


def _union(value: Any, annotation: Any) -> Any:
    if value is None and type(None) in get_args(annotation):
        return None
    options = members(annotation)
    if len(options) == 1:
        return structure(value, options[0])
    for option in options:
        try:
            return structure(value, option)
        except RefusedError:
            continue
    raise _refuse(value, annotation)


def _items(value: Any, annotation: Any) -> Any:
    types_ = item_types(annotation) or ()
    if not isinstance(value, list | tuple):
        remedy = f'; write a list: ["{value}"]' if isinstance(value, str) else ""
        raise _refuse(value, annotation, remedy)
    many = types_[-1] is ...
    if not many and len(value) != len(types_):
        raise RefusedError([((), f"expects {expected(annotation)}, got {len(value)} items")])
    found = _each((index, item, types_[0] if many else types_[index]) for index, item in enumerate(value))
    origin = get_origin(annotation) or annotation
    return {list: list, set: set, frozenset: frozenset}.get(origin, tuple)(found.values())


def _mapping(value: Any, annotation: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _refuse(value, annotation)
    return _each((name, item, value_type(annotation)) for name, item in value.items())


def _each(parts: Any) -> dict[Any, Any]:
    found, problems = {}, []
    for name, item, annotation in parts:
        try:
            found[name] = structure(item, annotation)
        except RefusedError as refused:
            problems += [((name, *key), text) for key, text in refused.problems]
    if problems:
        raise RefusedError(problems)
    return found


def _table(value: Any, cls: type[Any]) -> Any:
    if isinstance(value, cls):
        return value
    if not isinstance(value, dict):
        raise _refuse(value, cls)
    arguments, problems = structure_options(cls, value)
    if problems:
        raise RefusedError(problems)
    return make(cls, arguments)


def _component(value: Any, annotation: Any) -> Any:
    """A component that was made already; its table is read where the registry is known."""
    if value is None or isinstance(value, str | int | float | list | tuple | dict):
        raise _refuse(value, annotation)
    try:
        check_class(str(component_kind(annotation)), type(value))
    except PluginError as error:
        raise RefusedError([((), str(error))]) from error
    return value


def _unsupported(_value: Any, annotation: Any) -> Any:
    raise RefusedError([((), f"has the type {annotation}, which no option can have; tell the component's author")])


_Hook = Callable[[Any, Any], Any]
_EXACT: dict[type[Any], _Hook] = {
    int: _whole,
    float: _number,
    bool: _flag,
    str: _text,
    Path: _path,
    dt.date: _date,
    dt.datetime: _moment,
    Timeframe: _timeframe,
    Secret: _secret,
    ClassReference: _class_reference,
    Enum: _enum,
}


def _is_free(annotation: Any) -> bool:
    return annotation is Any or annotation is object


_GENERAL: list[tuple[Callable[[Any], bool], _Hook]] = [
    (lambda annotation: get_origin(annotation) is Literal, _literal),
    (is_union, _union),
    (lambda annotation: value_type(annotation) is not None, _mapping),
    (lambda annotation: item_types(annotation) is not None, _items),
    (lambda annotation: component_kind(annotation) is not None, _component),
    (attrs.has, _table),
    (_is_free, lambda value, _annotation: value),
    (lambda _annotation: True, _unsupported),
]

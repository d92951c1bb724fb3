"""A backend's options: its table, made into an instance of the class it declares."""

from __future__ import annotations

import types
import typing
from typing import Any

import attrs

from reloader_core.config.backend_names import join_names
from reloader_core.config.suggestion import did_you_mean
from reloader_core.errors import ConfigurationError

if typing.TYPE_CHECKING:
    from collections.abc import Mapping


def build_options(
    options_class: type | None, table: Mapping[str, object], *, source: str
) -> object | None:
    """Make a backend's options from its table.

    A field with a converter takes what the converter takes; any other one is
    held against its annotation, as far as that is made of numbers, strings,
    booleans, ``None`` and lists or tuples of strings.

    :param options_class: the backend's attrs class, ``None`` if it has no options.
    :param table: ``[tool.reloader.<type>]``.
    :param source: what messages call the table.
    :returns: an instance, or ``None`` without a class.
    :raises ConfigurationError: with all faults.
    """
    if options_class is None:
        if table:
            fault = f"{source} has {join_names(table)}, but this backend has no options"
            raise ConfigurationError([f"{fault}; remove the table"])
        return None
    fields = {field.alias or field.name: field for field in attrs.fields(options_class)}
    fields = {name: field for name, field in fields.items() if field.init}
    annotations = typing.get_type_hints(options_class)
    values: dict[str, object] = {}
    faults: list[str] = []
    for key, value in table.items():
        field = fields.get(key)
        if field is None:
            hint = did_you_mean(key, fields) or f"; options: {join_names(fields) or 'none'}"
            faults.append(f"{source} {key} is not an option{hint}")
            continue
        annotation = Any if field.converter else annotations.get(field.name, Any)
        try:
            values[key] = _convert(value, annotation)
        except ValueError as error:
            faults.append(f"{source} {key} {error}")
    required = {name for name, field in fields.items() if field.default is attrs.NOTHING}
    faults += [f"{source} {key} is missing; set it" for key in sorted(required - table.keys())]
    faults += _try_each(options_class, values, required, source=source)
    if faults:
        raise ConfigurationError(faults)
    options: object = options_class(**values)
    return options


def _try_each(
    options_class: type, values: Mapping[str, object], required: set[str], *, source: str
) -> list[str]:
    """What the class's converters and validators refuse, one option at a time.

    An attrs class stops at the first fault, and does not say whose it is.
    """
    needed = {key: values[key] for key in required if key in values}
    if len(needed) < len(required):
        return []
    faults = []
    attempts = [(key, {**needed, key: values[key]}) for key in values if key not in required]
    for key, attempt in [("/".join(sorted(needed)), needed), *attempts]:
        if fault := _try(options_class, attempt):
            faults.append(f"{source} {key} is refused: {fault}")
            if attempt is needed:
                return faults
    if not faults and (fault := _try(options_class, values)):
        faults.append(f"{source} is refused: {fault}")
    return faults


def _try(options_class: type, values: Mapping[str, object]) -> str | None:
    try:
        options_class(**values)
    except (ValueError, TypeError) as error:
        # attrs' own validators put the field and the value behind the text.
        return " ".join(str(error.args[0] if error.args else error).split())
    return None


def _convert(value: object, annotation: Any) -> object:
    """A value from TOML as the annotation wants it.

    :raises ValueError: with the fault in words.
    """
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        for choice in typing.get_args(annotation):
            try:
                return _convert(value, choice)
            except ValueError:
                pass
        raise ValueError(f"is {value!r}; give {annotation}")
    expected = {int: "a whole number", float: "a number", str: "a string", bool: "true or false"}
    if annotation in expected:
        return _convert_plain(value, annotation, expected[annotation])
    if annotation is type(None):
        raise ValueError("is given")
    container = typing.get_origin(annotation) or annotation
    if container in (list, tuple) and str in typing.get_args(annotation):
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ValueError(f"is {value!r}; give a list of strings")
        return container(value)
    return value


def _convert_plain(value: object, annotation: type, expected: str) -> object:
    if annotation is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, annotation) or (annotation is int and isinstance(value, bool)):
        raise ValueError(f"is {value!r}; give {expected}")
    return value

"""What can be checked once the installed backends are known: their names and options."""

from __future__ import annotations

import types
import typing
from typing import Any

import attrs

from reloader_core.config.suggestion import did_you_mean
from reloader_core.errors import ConfigurationError

if typing.TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from reloader_core.config.schema import Configuration


def validate_backend_tables(configuration: Configuration, installed: Collection[str]) -> list[str]:
    """Find tables of backends that are not there.

    :param configuration: has the tables.
    :param installed: the names of the installed backends.
    :returns: one fault for each; empty when all is well.
    """
    return [
        f"{configuration.origins.get(name, 'pyproject.toml')}: [tool.reloader.{name}] is for a "
        f"backend that is not installed; installed: {_join(installed)}"
        f"{did_you_mean(name, installed)}"
        for name in configuration.backend_tables
        if name not in installed
    ]


def unknown_reloader_type(
    name: str, installed: Collection[str], *, origin: str = "reloader_type"
) -> ConfigurationError:
    """The error of a backend that is not installed.

    :param name: what was asked for.
    :param installed: the names of the installed backends.
    :param origin: where it was asked for.
    """
    return ConfigurationError(
        [
            (
                f"{origin}: no backend {name!r} is installed; installed: {_join(installed)}"
                f"{did_you_mean(name, installed)}"
            )
        ]
    )


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
            raise ConfigurationError(
                [f"{source} has {_join(table)}, but this backend has no options; remove the table"]
            )
        return None
    fields = {field.alias or field.name: field for field in attrs.fields(options_class)}
    fields = {name: field for name, field in fields.items() if field.init}
    annotations = typing.get_type_hints(options_class)
    values: dict[str, object] = {}
    faults: list[str] = []
    for key, value in table.items():
        field = fields.get(key)
        if field is None:
            hint = did_you_mean(key, fields) or f"; options: {_join(fields) or 'none'}"
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


def _join(names: Collection[str]) -> str:
    return ", ".join(sorted(names))

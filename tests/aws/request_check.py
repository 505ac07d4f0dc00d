"""Whether a request is what AWS's API describes: botocore's own validation, and the limits that it leaves to AWS."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from botocore.session import get_session
from botocore.validate import ParamValidator


@cache
def _service(name: str) -> Any:
    return get_session().get_service_model(name)


def need_valid(service: str, operation: str, request: Mapping[str, Any]) -> None:
    """Raise AssertionError with everything that is wrong with the parameters of a request."""
    faults = faults_in(service, operation, request)
    assert not faults, f"{operation}: {faults}"


def faults_in(service: str, operation: str, request: Mapping[str, Any]) -> list[str]:
    """Return what is wrong: types, unknown or missing members, ranges, lengths, patterns, values of enumerations."""
    shape = _service(service).operation_model(operation).input_shape
    report = ParamValidator().validate(dict(request), shape)
    if report.has_errors():
        return [report.generate_report()]
    return list(_limits(request, shape, operation))


def _limits(value: Any, shape: Any, place: str) -> Iterator[str]:
    if shape.type_name == "structure":
        for name, member in value.items():
            yield from _limits(member, shape.members[name], f"{place}.{name}")
    elif shape.type_name == "list":
        yield from _range(len(value), shape, place)
        for number, member in enumerate(value):
            yield from _limits(member, shape.member, f"{place}[{number}]")
    elif shape.type_name == "map":
        yield from _range(len(value), shape, place)
        for key, member in value.items():
            yield from _limits(key, shape.key, f"{place} key")
            yield from _limits(member, shape.value, f"{place}.{key}")
    elif shape.type_name == "string":
        yield from _range(len(value), shape, place)
        yield from _text(value, shape, place)
    elif shape.type_name in {"integer", "long", "float", "double"}:
        yield from _range(value, shape, place)


def _range(size: float, shape: Any, place: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if (least is not None and size < least) or (most is not None and size > most):
        yield f"{place}: {size} is not within {least} and {most}"


def _text(value: str, shape: Any, place: str) -> Iterator[str]:
    if shape.enum and value not in shape.enum:
        yield f"{place}: {value!r} is none of {shape.enum}"
    pattern = shape.metadata.get("pattern", "")
    # Classes such as \p{L} are Java's.
    if pattern and r"\p" not in pattern and r"\u" not in pattern and not re.fullmatch(pattern, value):
        yield f"{place}: {value!r} does not match {pattern}"

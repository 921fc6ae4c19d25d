"""Checks untrusted JSON schemas: their size, and OpenAI's rules for strict ones."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from llm.errors import SchemaError

MAX_NODES = 2000
"""Maximum number of values in a schema, nested ones included."""
MAX_DEPTH = 40
MAX_REPEATED = 1000
"""Maximum of `maxItems` and similar counts that a grammar has to spell out."""
MAX_COUNT = 1_000_000
"""The same for schemas that are only shown to the model: those of tools."""
MAX_PATTERNS = 10_000
"""Maximum length of all patterns together, in characters; a thousand take up to 7 ms to compile."""
_REPEATED = re.compile(r"\{([\d\s,]*)\}")
_COUNT = re.compile(r"\d+")
COUNTS = ("minItems", "maxItems", "minLength", "maxLength")


def check_size(schema: Mapping[str, Any], most: int = MAX_REPEATED) -> None:
    """Raise `SchemaError` for a schema that is too large, too deep, or has counts over `most`."""
    left = MAX_PATTERNS
    for nodes, (value, depth) in enumerate(walk(schema)):
        if nodes > MAX_NODES or depth > MAX_DEPTH:
            raise SchemaError(f"the schema is too large: at most {MAX_NODES} values and {MAX_DEPTH} levels are allowed")
        if isinstance(value, dict):
            _check_counts(value, most)
            if isinstance(pattern := value.get("pattern"), str):
                left -= len(pattern)
                if left < 0:
                    raise SchemaError(f"the schema's patterns have more than {MAX_PATTERNS} characters")
                _check_pattern(pattern)


def without_large_counts(schema: Any) -> Any:
    """A copy without the counts that a grammar cannot spell out. It accepts everything that `schema` does, and more."""
    if isinstance(schema, dict):
        kept = ((name, value) for name, value in schema.items() if not _counts_above(MAX_REPEATED, name, value))
        return {name: without_large_counts(value) for name, value in kept}
    return [without_large_counts(value) for value in schema] if isinstance(schema, list) else schema


def _counts_above(most: int, name: str, value: Any) -> bool:
    return name in COUNTS and isinstance(value, int) and value > most


def _check_counts(schema: Mapping[str, Any], most: int) -> None:
    for count in COUNTS:
        if _counts_above(most, count, schema.get(count)):
            raise SchemaError(f"{count} is {schema[count]}; at most {most}")


def _check_pattern(pattern: str) -> None:
    for count in (count for counts in _REPEATED.findall(pattern) for count in _COUNT.findall(counts)):
        if len(count) > len(str(MAX_REPEATED)) or int(count) > MAX_REPEATED:
            raise SchemaError(f"the schema's pattern has a repetition of {count[:20]}; at most {MAX_REPEATED}")
    try:
        re.compile(pattern)
    except RecursionError as error:
        raise SchemaError(f"the schema's pattern {pattern[:100]!r} is nested too deeply") from error
    except (re.error, OverflowError) as error:
        raise SchemaError(f"the schema's pattern {pattern[:100]!r} is invalid: {error}") from error


def walk(schema: Any) -> Iterator[tuple[Any, int]]:
    """Every value in it, with its depth."""
    waiting: list[tuple[Any, int]] = [(schema, 0)]
    while waiting:
        value, depth = waiting.pop()
        yield value, depth
        children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        waiting.extend((child, depth + 1) for child in children)


def check_strict(schema: Mapping[str, Any]) -> None:
    """Raise `SchemaError` unless every object requires all its properties and allows no others."""
    if schema.get("type") != "object" and "$ref" not in schema:
        raise SchemaError("a strict schema must be an object")
    for value, _ in walk(schema):
        if not isinstance(value, dict) or not isinstance(properties := value.get("properties"), dict):
            continue
        if value.get("type") not in ("object", ["object", "null"]):
            continue  # a property that is itself named "properties"
        if value.get("additionalProperties") is not False:
            raise SchemaError("in a strict schema every object must have additionalProperties: false")
        required = value.get("required")
        missing = [name for name in properties if not isinstance(required, list) or name not in required]
        if missing:
            raise SchemaError(f"in a strict schema every property must be required; {missing[0]!r} is not")

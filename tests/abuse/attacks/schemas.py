"""Tools, response formats and options of a request."""

from typing import Any

from tests.abuse.enemy import Enemy


def _format(schema: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}


async def _ask_for(enemy: Enemy, *schemas: Any) -> None:
    for schema in schemas:
        await enemy.chat(response_format=_format(schema))


async def tools_of_5_mb(enemy: Enemy) -> None:
    """128 client tools with descriptions of 20 kB and large schemas."""
    properties = {f"p{n}": {"type": "string", "description": "x" * 200} for n in range(100)}
    tools = [
        {
            "type": "function",
            "function": {
                "name": f"tool{n}",
                "description": "x" * 19_000,
                "parameters": {"type": "object", "properties": properties},
            },
        }
        for n in range(128)
    ]
    await enemy.many(12, lambda: enemy.chat(tools=tools, tool_choice="required"), 4)
    await enemy.many(12, lambda: enemy.chat(tools=tools, model="react"), 4)


async def catastrophic_patterns(enemy: Enemy) -> None:
    """Regular expressions that backtrack, nest and repeat without end."""
    patterns: tuple[str, ...] = (
        "^(a+)+$",
        "^(a|a)*$",
        "^((((a{999}){999}){999}){999})$",
        "^" + "(" * 5000 + ")" * 5000 + "$",
        "^(a*)*b$",
    )
    patterns += (
        "^" + "a?" * 900 + "a" * 900 + "$",
        "^[\\s\\S]{1000}{1000}$",
        "^(?=a)(?!b)\\1$",
        "^" + "[a-z]|" * 5000 + "$",
    )
    await _ask_for(
        enemy, *({"type": "object", "properties": {"a": {"type": "string", "pattern": p}}} for p in patterns)
    )


async def recursive_references(enemy: Enemy) -> None:
    """References that refer to themselves, to each other, and exponentially often."""
    doubled = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 8} for n in range(200)} | {"d200": {"type": "null"}}
    chain = {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(5000)} | {"d5000": {"type": "null"}}
    await _ask_for(
        enemy,
        {"$ref": "#"},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
        {"$ref": "#/$defs/d0", "$defs": doubled},
        {"$ref": "#/$defs/d0", "$defs": chain},
        {"allOf": [{"$ref": "#"}] * 1000},
    )


async def deep_schemas(enemy: Enemy) -> None:
    """Schemas that are thousands of levels deep."""
    for depth in (50, 400, 3000):
        text = '{"type": "array", "items": ' * depth + "{}" + "}" * depth
        body = f'{{"model": "chat", "messages": [{{"role": "user", "content": "hi"}}], "response_format": \
{{"type": "json_schema", "json_schema": {{"name": "x", "schema": {text}}}}}}}'
        await enemy.raw_body("/v1/chat/completions", body.encode())


async def wide_schemas(enemy: Enemy) -> None:
    """Schemas with tens of thousands of properties, values and alternatives."""
    for number in (1000, 20_000, 60_000):
        await _ask_for(
            enemy,
            {"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(number)}},
            {"enum": [f"value {n}" for n in range(number)]},
            {"anyOf": [{"const": n} for n in range(number)]},
            {"type": "object", "properties": {"a": {}}, "required": [f"p{n}" for n in range(number)]},
        )


async def counted_schemas(enemy: Enemy) -> None:
    """Numbers of items, characters and properties that a grammar would spell out."""
    counts = (1000, 10**6, 10**18, 10**400)
    await _ask_for(
        enemy,
        *({"type": "array", "items": {"type": "array", "minItems": n, "items": {}}, "minItems": n} for n in counts),
        *({"type": "string", "minLength": n, "maxLength": n * 2} for n in counts),
        *({"type": "integer", "minimum": -n, "maximum": n} for n in counts),
        *({"type": "object", "minProperties": n, "additionalProperties": {"minItems": n}} for n in counts),
    )


async def formats_of_all_kinds(enemy: Enemy) -> None:
    """Schemas of wrong types in every place."""
    wrong: tuple[Any, ...] = (
        1,
        "x",
        [],
        {"type": 7},
        {"type": ["x"] * 10_000},
        {"properties": []},
        {"enum": {}},
        {"$ref": 1},
    )
    await _ask_for(enemy, *wrong, *({"properties": {"a": one}} for one in wrong), *({"items": one} for one in wrong))


async def refused_options(enemy: Enemy) -> None:
    """Huge values of `n`, `max_tokens`, `logit_bias`, `stop` and `metadata`."""
    for fields in (
        {"n": 10**18},
        {"max_tokens": 10**18},
        {"logit_bias": {str(n): 1 for n in range(100_000)}},
        {"stop": ["x" * 900_000] * 4},
        {"stop": ["x"] * 100_000},
        {"metadata": {str(n): "x" * 100 for n in range(90_000)}},
        {"user": "x" * 10_000_000},
        {"model": "x" * 10_000_000},
        {"chat_id": "x" * 10_000_000},
        {"tool_choice": {"type": "function", "function": {"name": "x" * 10_000_000}}},
        {"reasoning_effort": "x" * 10_000_000},
    ):
        await enemy.chat(**fields)


async def stops_that_almost_match(enemy: Enemy) -> None:
    """Stop sequences of a million characters that almost occur in a long answer."""
    stop = ("word " * 200_000)[:-1] + "x"
    await enemy.many(12, lambda: enemy.chat("say 200000", stop=[stop, "w" * 900_000, "word word x"]), 4)


async def continued_answers(enemy: Enemy) -> None:
    """Answers of a million characters that are to be continued."""
    said = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "word " * 190_000}]
    await enemy.many(20, lambda: enemy.post("/v1/chat/completions", {"model": "chat", "messages": said}), 4)

"""The client's `response_format`, in words for the model. The backend enforces it; the words tell what is meant."""

import json
from typing import Any

from nodes.prompts import render
from nodes.state import Context

MAX_SCHEMA = 4000
"""Characters of a schema that the model is shown."""


def described(context: Context) -> str:
    """Empty when the answer may be plain text."""
    wanted = context.response_format
    if wanted is None:
        return ""
    schema = (wanted.get("json_schema") or {}).get("schema")
    shown = json.dumps(schema, ensure_ascii=False)[:MAX_SCHEMA] if schema else ""
    return render("json", kind="value" if schema else "object", schema=shown)


def form(context: Context) -> dict[str, Any]:
    """What a call of the model is given."""
    return {} if context.response_format is None else {"response_format": context.response_format}

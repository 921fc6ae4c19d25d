"""`structured_output`: convert an agent's answer to the client's response format. Plain answers pass unchanged."""

import json
from typing import Any

from langchain_core.messages import HumanMessage
from langgraph.runtime import Runtime

from nodes.events import AnswerDelta, Finished
from nodes.model import conversation
from nodes.model.ask import ask, steady
from nodes.prompts import render
from nodes.state import AgentState, Context

MAX_NOTES = 4000


async def structured_output(state: AgentState, runtime: Runtime[Context]) -> AgentState:
    """Sets `answer` from its text and the last notes, constrained by `response_format`. Mode `chat` has already done
    so, and calls of client tools have no text.
    """
    answer = state.get("answer")
    if runtime.context.response_format is None or answer is None or answer.tool_calls or state["mode"] == "chat":
        return {}
    notes = conversation.notes(state.get("steps", []))[-MAX_NOTES:]
    told = f"Question: {conversation.question(state)}\n\nNotes:\n{notes}\n\nAnswer: {answer.text}"
    prompt = f"{render('chat/structured_output')}\n{described(runtime.context)}"
    said = await ask(
        runtime,
        [conversation.instructed(prompt, state, runtime.context), HumanMessage(told)],
        steady(runtime),
        lambda text: runtime.stream_writer(AnswerDelta(text)),
        **form(runtime.context),
    )
    runtime.stream_writer(Finished(said.finish_reason))
    return {"answer": answer.model_copy(update={"content": said.text, "id": said.id or answer.id})}


MAX_SCHEMA = 4000
"""Maximum characters of a schema in the prompt; the backend enforces all of it."""


def described(context: Context) -> str:
    """Empty if the answer may be plain text."""
    wanted = context.response_format
    if wanted is None:
        return ""
    schema = (wanted.get("json_schema") or {}).get("schema")
    shown = json.dumps(schema, ensure_ascii=False) if schema else ""
    if len(shown) > MAX_SCHEMA:
        shown = f"{shown[:MAX_SCHEMA]} … (the rest of the schema is left out)"
    return render("chat/json", kind="value" if schema else "object", schema=shown)


def form(context: Context) -> dict[str, Any]:
    """The arguments for a call of the model."""
    return {} if context.response_format is None else {"response_format": context.response_format}

"""`synthesize`: put the answer together. No model is called when a thought already holds it."""

import uuid

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langgraph.runtime import Runtime

from nodes import history
from nodes.asking import ask, bounded
from nodes.events import AnswerDelta, Finished
from nodes.prompts import render
from nodes.state import AgentState, Context, Update

INCOMPLETE = "I had to stop before I was sure ({steps} steps). "


async def synthesize(state: AgentState, runtime: Runtime[Context]) -> Update:
    """Sets `answer`, the message that the conversation gains."""
    text, reason = state.get("answer_text"), state.get("finish_reason", "stop")
    if text is None:
        text, reason = await _conclude(state, runtime)
    runtime.stream_writer(Finished(reason))
    message = AIMessage(
        content=text,
        id=str(uuid.uuid4()),
        additional_kwargs={"steps": state.get("steps", []), "mode": "react"},
    )
    return {"answer": message, "messages": [message], "answer_text": None, "action": None}


async def _conclude(state: AgentState, runtime: Runtime[Context]) -> tuple[str, str]:
    """A limit was reached: the best answer that the notes allow, marked as such."""
    steps = state.get("steps", [])
    head = INCOMPLETE.format(steps=len(steps))
    runtime.stream_writer(AnswerDelta(head))
    told = f"Question: {history.question(state)}\n\nNotes:\n{history.notes(steps)[-6000:]}"
    said = await ask(
        runtime,
        [SystemMessage(render("conclude")), HumanMessage(told)],
        bounded(runtime),
        lambda text: runtime.stream_writer(AnswerDelta(text)),
    )
    return head + said.text, said.finish_reason

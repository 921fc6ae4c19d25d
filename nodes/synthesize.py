"""`synthesize`: produce the answer. No model is called if a thought already has it."""

import uuid
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.runtime import Runtime

from nodes.events import Finished
from nodes.model import conversation
from nodes.model.answer_writer import AnswerWriter
from nodes.model.ask import ask, bounded
from nodes.prompts import render
from nodes.react.grounding import owed
from nodes.rules.question import form_of_answer
from nodes.state import AgentState, Context

MAX_NOTES = 6000
"""Maximum characters of the findings, newest first."""
INCOMPLETE = "I had to stop before I was sure ({steps} steps). "


async def synthesize(state: AgentState, runtime: Runtime[Context]) -> AgentState:
    """Sets `answer`."""
    text, reason, answer_id = state.get("answer_text"), state.get("finish_reason", "stop"), state.get("answer_id")
    told: dict[str, Any] = {"steps": state.get("steps", [])}
    if text is None:
        text, reason, answer_id = await _conclude(state, runtime)
        text = state.get("spoken", "") + text
        told["incomplete"] = True
    if runtime.context.plan_step is None:
        runtime.stream_writer(Finished(reason))
    calls = state.get("calls", [])
    message = AIMessage(content=text, tool_calls=calls, id=answer_id or str(uuid.uuid4()), additional_kwargs=told)
    return {"answer": message}


async def _conclude(state: AgentState, runtime: Runtime[Context]) -> tuple[str, str, str | None]:
    """A limit was reached: the best answer possible from the notes, marked as such; its finish reason and ID."""
    steps = state.get("steps", [])
    answer = AnswerWriter(runtime)
    answer.write_whole(INCOMPLETE.format(steps=len(steps)))
    question = conversation.question(state)
    told = f"Question: {question}\n\nNotes:\n{conversation.findings(steps)[-MAX_NOTES:]}"
    if form := form_of_answer(question):
        told += f"\n\nForm of the answer, to be kept to the letter: {form}"
    said = await ask(
        runtime,
        [conversation.instructed(render("react/conclude"), state, runtime.context), HumanMessage(told)],
        bounded(runtime),
        answer.write,
    )
    answer.write_whole(owed(said.text, [source for step in steps for source in step["sources"]]))
    reason = answer.close(said.finish_reason)
    return answer.text, reason, said.id

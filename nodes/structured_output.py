"""`shape`: put an agent's answer into the form that the client wants. Plain answers pass as they are."""

from langchain_core.messages import HumanMessage
from langgraph.runtime import Runtime

from nodes import history
from nodes.asking import ask, steady
from nodes.events import AnswerDelta, Finished
from nodes.formats import described, form
from nodes.prompts import render
from nodes.state import AgentState, Context, Update

MAX_NOTES = 4000


async def shape(state: AgentState, runtime: Runtime[Context]) -> Update:
    """Sets `answer` anew, from its words and the last notes, held to `response_format`. Mode `chat` has done so."""
    answer = state.get("answer")
    if runtime.context.response_format is None or answer is None or state["mode"] == "chat":
        return {}
    notes = history.notes(state.get("steps", []))[-MAX_NOTES:]
    told = f"Question: {history.question(state)}\n\nNotes:\n{notes}\n\nAnswer: {answer.text}"
    prompt = f"{render('shape')}\n{described(runtime.context)}"
    said = await ask(
        runtime,
        [history.instructed(prompt, state, runtime.context), HumanMessage(told)],
        steady(runtime),
        lambda text: runtime.stream_writer(AnswerDelta(text)),
        **form(runtime.context),
    )
    runtime.stream_writer(Finished(said.finish_reason))
    return {"answer": answer.model_copy(update={"content": said.text})}

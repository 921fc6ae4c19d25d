"""A thought by the backend's own tool calling: the turn so far as messages, the tools bound to the model.

The transcript is compact: one exchange a step, and what older tools said is cut short. Malformed calls are mended or
asked for again; they never end a run: in the end the text protocol, which needs none, takes over.
"""

from collections.abc import Sequence

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langgraph.runtime import Runtime

from nodes import history
from nodes.answering import AnswerWriter
from nodes.asking import Said, ask, bounded
from nodes.calls import Call, Gathered, arguments_of, as_input, guessed, mended, resolve
from nodes.deciding import setting
from nodes.events import ThoughtDelta
from nodes.finishing import finish
from nodes.prompts import render
from nodes.protocol import parse
from nodes.state import Action, AgentState, Context, Step, Update

HELD = 160
"""Characters that are held back: words before a call are a thought, and a call comes soon after them."""
FRESH = 2
"""Steps whose observations are told in full."""
MAX_OLD = 500
"""Characters of older ones."""
BROKEN = "Your call of {name} could not be read: its arguments are no JSON object. Call it again, with valid JSON."


async def native_thought(state: AgentState, runtime: Runtime[Context]) -> Update:
    """Sets `action`, or `answer_text` with its finish reason, or neither when no call of the model's can be read;
    `spoken` is what was already said to the reader."""
    update: Update = {"thoughts": state.get("thoughts", 0) + 1, "action": None, "needed": ""}
    prompt = await _prompt(state, runtime)
    model = runtime.context.model.bind_tools(list(runtime.context.tools.values()))
    spoken = state.get("spoken", "")
    for _ in range(runtime.context.limits.tries):
        speech, calls = Speech(runtime), Gathered()
        said = await ask(runtime, prompt, bounded(runtime), speech.write, model, on_call=calls.feed)
        call = calls.first() or guessed(said.broken or "", runtime.context.tools)
        action = _written_out(said, runtime) if call is None else _action(call, said, runtime)
        if action is not None:
            return update | {"action": action, "spoken": spoken + speech.before_a_call()}
        if call is None and said.broken is None:
            speech.release()
            done = finish(said.text.strip(), speech.answer, said.finish_reason, state)
            return update | done | {"answer_text": spoken + done["answer_text"]}
        spoken += speech.before_a_call()
        name = call.name if call is not None else "a tool"
        prompt = [*prompt, AIMessage(said.text), HumanMessage(BROKEN.format(name=name))]
    return update | {"spoken": spoken}


class Speech:
    """What the model says beside its calls: held back at first, since before a call it is a thought."""

    def __init__(self, runtime: Runtime[Context]) -> None:
        self.answer = AnswerWriter(runtime)
        self._runtime = runtime
        self._held = ""
        self._free = False

    def write(self, text: str) -> None:
        self._held += text
        if self._free or len(self._held) > HELD:
            self.release()

    def release(self) -> None:
        """It is the answer, or long enough to be shown either way."""
        self._free = True
        self.answer.write(self._held)
        self._held = ""

    def before_a_call(self) -> str:
        """A call follows: what is held was a thought; gives what the reader has been shown."""
        if self._held.strip():
            self._runtime.stream_writer(ThoughtDelta(f"{self._held.strip()}\n"))
        if not self._free:
            return ""
        self.answer.write_whole("\n\n")
        self.answer.close()
        return self.answer.text


def _written_out(said: Said, runtime: Runtime[Context]) -> Action | None:
    """A step in the words of the text protocol, from a model that was trained on it."""
    reply = parse(said.text)
    if reply.tool is None or "action" not in said.text.lower():
        return None
    return Action(thought=reply.thought, tool=resolve(reply.tool, runtime.context.tools), input=reply.input)


def _action(call: Call, said: Said, runtime: Runtime[Context]) -> Action | None:
    """None when the call cannot be read."""
    tools, thought = runtime.context.tools, said.text.strip()
    name = resolve(call.name, tools)
    tool = tools.get(name)
    if tool is None:
        return Action(thought=thought, tool=name, input=call.arguments)
    arguments = mended(tool, call.arguments)
    return None if arguments is None else Action(thought=thought, tool=name, input=as_input(tool, arguments))


async def _prompt(state: AgentState, runtime: Runtime[Context]) -> list[BaseMessage]:
    earlier, *things = await setting(state, runtime)
    parts = [earlier, *things, history.question(state)]
    told = HumanMessage("\n\n".join(part for part in parts if part))
    first = history.instructed(render("native"), state, runtime.context)
    return [first, told, *_exchanges(state.get("steps", []), runtime)]


def _exchanges(steps: Sequence[Step], runtime: Runtime[Context]) -> list[BaseMessage]:
    messages: list[BaseMessage] = []
    for at, step in enumerate(steps):
        tool = runtime.context.tools.get(step["tool"])
        args = arguments_of(tool, step["input"]) if tool is not None else {"input": step["input"]}
        call = {"name": step["tool"], "args": args, "id": f"call_{at + 1}", "type": "tool_call"}
        told = step["observation"] if at >= len(steps) - FRESH else _short(step["observation"])
        messages += [
            AIMessage(step["thought"], tool_calls=[call]),
            ToolMessage(told, tool_call_id=f"call_{at + 1}", status="success" if step["error"] is None else "error"),
        ]
    return messages


def _short(observation: str) -> str:
    return observation if len(observation) <= MAX_OLD else f"{observation[:MAX_OLD]}\n… [cut short]"

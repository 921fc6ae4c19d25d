"""Streams a reply with native tool calls: thoughts, the answer, and the program while it is written."""

import json
import re

from langchain_core.messages import ToolCallChunk
from langgraph.runtime import Runtime

from nodes.model.answer_writer import AnswerWriter
from nodes.react.step_writer import StepWriter
from nodes.react.text_protocol import LABEL
from nodes.react.tool_arguments import Gathered, resolve
from nodes.state import Action, Context
from tools.agent_tool import program_tool_of, purposes_of

HELD = 160
"""Characters that are held back: text before a call is a thought, and a call usually follows soon."""
CODE_BEGINS = re.compile(r'^[ \t]*(?:```|`{1,2}\Z|\{\s*(?:"|\Z))', re.MULTILINE)
"""The start of a fenced block or a JSON object, or a possible start at the end of the text so far."""
_FIRST_FIELD = re.compile(r'\s*\{\s*"\w+"\s*:\s*"')
_COMPLETE = re.compile(
    r'(?:[^"\\]|\\u(?![dD][89a-fA-F])[0-9a-fA-F]{4}|\\u[dD][89abAB]\w\w\\u[dD]\w{3}|\\["\\/bfnrt])*+'
)
"""The part of a JSON string that ends between two characters."""


class Speech:
    """Streams the model's text outside of its calls, and collects its `calls`.

    If a call is `expected`, the text is held back until it is clear what it is. Otherwise only its beginning is,
    because text before a call is a thought; and code is held back to the end if it `may_call`, because it is then run,
    and what the model says about its output is invented.
    """

    def __init__(self, runtime: Runtime[Context], *, may_call: bool, expected: bool) -> None:
        self.answer = AnswerWriter(runtime)
        self.calls = Gathered()
        self._steps = StepWriter(runtime)
        self._purposes = purposes_of(runtime.context.tools)
        self._program_tool = program_tool_of(runtime.context.tools)
        self._program = StringReader()
        self._may_call, self._expected = may_call, expected
        self._held = ""
        self._free = False

    def write(self, text: str) -> None:
        self._held += text
        if self._expected:
            return
        code = CODE_BEGINS.search(self._held) if self._may_call else None
        ready = self._held[: code.start()] if code else self._held
        if self._free or len(ready) > HELD:
            self._free = True
            self.answer.write(ready)
            self._held = self._held[len(ready) :]

    def call(self, piece: ToolCallChunk) -> None:
        """A piece of a call; the first one may run a program."""
        self.calls.feed(piece)
        first = self.calls.first()
        if first is None or len(self.calls.all()) > 1 or resolve(first.name, self._purposes) != self._program_tool:
            return
        if code := self._program.feed(piece["args"] or ""):
            self._think()
            self._steps.code(code)

    def release(self) -> None:
        """The text is the answer."""
        self.answer.write(self._held)
        self._held = ""

    def before_action(self, action: Action) -> str:
        """The model acts; returns what has been sent of the answer. The held text was a thought, up to the call."""
        if (code := CODE_BEGINS.search(self._held)) is not None and self.calls.first() is None:
            self._held = self._held[: code.start()]
        if LABEL.search(self._held):
            self._held = action["thought"]
        self._think()
        self._steps.close(action)
        return self._sent()

    def before_client_calls(self) -> str:
        """The client's tools are called: the held text belongs to the answer, which ends here; returns it."""
        self.release()
        self.answer.close()
        return self.answer.text

    def dropped(self) -> str:
        """The reply is not used; returns what has been sent of the answer."""
        self._held = ""
        self._steps.close()
        return self._sent()

    def _think(self) -> None:
        self._steps.words(self._held)
        self._held = ""

    def _sent(self) -> str:
        if not self._free:
            return ""
        self.answer.write_whole("\n\n")
        self.answer.close()
        return self.answer.text


class StringReader:
    """Reads the first string of a JSON object while it is written. What is no such object gives nothing."""

    def __init__(self) -> None:
        self._raw = ""
        self._begun = False

    def feed(self, piece: str) -> str:
        """The part of the string that is new."""
        self._raw += piece
        if not self._begun:
            if (begin := _FIRST_FIELD.match(self._raw)) is None:
                return ""
            self._begun, self._raw = True, self._raw[begin.end() :]
        complete = _COMPLETE.match(self._raw)
        text = complete.group() if complete is not None else ""
        self._raw = self._raw[len(text) :]
        return str(json.loads(f'"{text}"', strict=False)) if text else ""

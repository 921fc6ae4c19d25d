"""Streams a reply in the text protocol: its words and its program as thoughts, without the labels, and its answer.

Words are held back until an action or an answer follows, because words alone are the answer. Nothing after an action
is shown: the model can only invent it.
"""

from dataclasses import dataclass
from typing import Literal

from langgraph.runtime import Runtime

from nodes.model.answer_writer import AnswerWriter
from nodes.react.step_writer import StepWriter
from nodes.react.text_protocol import LABEL, NEED, Reply
from nodes.state import Action, Context
from tools.agent_tool import program_tool_of
from tools.coding.fences import PYTHON


@dataclass(frozen=True, slots=True)
class Split:
    """The parts that can be sent now."""

    words: str = ""
    code: str = ""
    answer: str = ""


class ReplySplitter:
    """Call it with the text as it comes. `program_tool` is the tool that runs programs; None: there is none."""

    def __init__(self, program_tool: str | None) -> None:
        self._program_tool = program_tool
        self._line = ""
        """The beginning of a line that has not been sent."""
        self._in_line = False
        """Whether a part of the current line has been sent."""
        self._words: list[str] = []
        self._fence: Literal["words", "code", "hidden"] | None = None
        """The content of the current fence."""
        self._acted = False
        self._runs = True
        """Whether the action may run a program."""
        self._ended = False
        """The rest is not shown."""
        self._opening: str | None = None
        """The answer's first letters, while they may still be those of `Need:`, which is not an answer."""
        self.in_answer = False

    def feed(self, text: str) -> Split:
        if self.in_answer:
            return Split(answer=self._answered(text))
        *complete, self._line = (self._line + text).split("\n")
        words = code = ""
        for at, line in enumerate(complete):
            part = self._complete(line)
            words, code = words + part.words, code + part.code
            if self.in_answer:
                rest = "\n".join([part.answer, *complete[at + 1 :], self._line]).lstrip()
                return Split(words, code, self._answered(rest))
        part = self._partial()
        return Split(words + part.words, code + part.code, part.answer)

    def flush(self) -> Split:
        """What was held back of an answer or a program, when the reply has ended; words are still held back."""
        if self.in_answer:
            opening, self._opening = self._opening or "", None
            return Split(answer=opening)
        part = self._complete(self._line)
        return Split(part.words, part.code.removesuffix("\n"), part.answer)

    def _partial(self) -> Split:
        """What is certain of a line that is not complete."""
        line, mark = self._line, LABEL.match(self._line)
        if self._fence == "code" and (self._in_line or not "```".startswith(line.strip()[:3])):
            self._line, self._in_line = "", self._in_line or bool(line)
            return Split(code=line)
        free = self._fence is None and not self._acted and not self._ended
        if free and mark is not None and mark.lastgroup == "final" and line[mark.end() :].strip():
            part = self._complete(line)
            return Split(part.words, answer=self._answered(part.answer.lstrip()))
        return Split()

    def _complete(self, line: str) -> Split:
        """One line. If the answer begins in it, `answer` is its rest."""
        if self._ended:
            return Split()
        if self._fence is not None:
            return self._fenced(line)
        if line.lstrip().startswith("```"):
            return self._open(line)
        if (mark := LABEL.match(line)) is not None:
            return self._labelled(mark.lastgroup or "", line[mark.end() :])
        return self._said(line)

    def _said(self, line: str) -> Split:
        if not self._acted:
            self._words.append(f"{line}\n")
        return Split()

    def _labelled(self, name: str, rest: str) -> Split:
        if name == "thought" and not self._acted and not "".join(self._words).strip():
            return self._said(rest.lstrip())
        if name in ("action", "input"):
            self._acted = True
            if name == "action" and (tool := rest.strip(" `*\"'[]().")):
                self._runs = self._program_tool is not None and tool.startswith(self._program_tool)
            return Split(words=self._shown())
        if name == "final" and not self._acted:
            self.in_answer, self._opening = True, ""
            return Split(words=self._shown(), answer=rest)
        self._ended = True
        return Split()

    def _open(self, line: str) -> Split:
        language = line.strip().strip("`").strip().lower()
        if self._acted or (self._program_tool is not None and language in PYTHON):
            self._acted, self._fence = True, "code" if self._runs else "hidden"
            return Split(words=self._shown())
        self._fence = "words"
        return self._said(line)

    def _fenced(self, line: str) -> Split:
        content, in_line, self._in_line = self._fence, self._in_line, False
        if not in_line and line.lstrip().startswith("```"):
            self._fence, self._ended = None, self._acted
            return self._said(line)
        if content == "words":
            return self._said(line)
        return Split(code=f"{line}\n") if content == "code" else Split()

    def _shown(self) -> str:
        words, self._words = "".join(self._words), []
        return words

    def _answered(self, text: str) -> str:
        if self._opening is None:
            return text
        self._opening += text
        begun = self._opening.lstrip().lower()
        if NEED.startswith(begun):
            return ""
        text, self._opening = self._opening, None
        if begun.startswith(NEED):
            self.in_answer, self._ended = False, True
            return ""
        return text


class ReplyWriter:
    """Sends a reply: its answer at once or, if it `holds` it, at `release`."""

    def __init__(self, runtime: Runtime[Context], *, holds: bool) -> None:
        self.answer = AnswerWriter(runtime)
        self._steps = StepWriter(runtime)
        self._holds = holds
        self._held: list[str] = []
        self._splitter = ReplySplitter(program_tool_of(runtime.context.tools))

    def write(self, text: str) -> None:
        """A piece of the reply."""
        self._send(self._splitter.feed(text))

    def close(self, reply: Reply) -> None:
        """The reply has ended; `reply` is what it means."""
        self._send(self._splitter.flush())
        if reply.tool:
            self._steps.close(Action(thought=reply.thought, tool=reply.tool, input=reply.input))
            return
        self._steps.close()
        if reply.need:
            self._steps.words(f"Still missing: {reply.need}")

    def release(self) -> None:
        """The held text is the answer."""
        for piece in self._held:
            self.answer.write(piece)

    def _send(self, split: Split) -> None:
        self._steps.words(split.words)
        if split.code:
            self._steps.code(split.code)
        if split.answer and self._holds:
            self._held.append(split.answer)
        elif split.answer:
            self.answer.write(split.answer)

"""Runs Python in the session's kernel: a given program, or one written for a task."""

from typing import Self

from pydantic import BaseModel, Field, field_validator, model_validator
from typing_extensions import override

from tools.agent_tool import AgentTool
from tools.coding.graph import CodeContext, work_out
from tools.coding.runner import Attempt, Runner
from tools.errors import ToolFailed, ToolRetry, ToolSilent
from tools.kit import ToolKit
from tools.names import PYTHON_CODER
from tools.purpose import Fit, Purpose
from tools.question import Question, wants_computing, wants_documents
from tools.results import Extras

DESCRIPTION = (
    "runs Python in a session that remembers variables and returns what is printed. "
    "pandas (pd), numpy (np) and matplotlib (plt) are imported. There is no internet."
)
NO_CODER = "There is no model here that writes programs; give `code` instead of `task`."


class PythonCoderInput(BaseModel):
    """Input of `python_coder`: `code`, or `task` (and the `files` that it is about)."""

    code: str | None = Field(default=None, min_length=1, max_length=100_000, description="A complete Python program.")
    task: str | None = Field(
        default=None, min_length=1, max_length=20_000, description="What to compute, in words; a program is written."
    )
    files: list[str] = Field(
        default_factory=list,
        max_length=20,
        description="With `task`: names of the files that it is about; all of the session's when left out.",
    )

    @field_validator("code", "task")
    @classmethod
    def _is_text(cls, text: str | None) -> str | None:
        if text is not None:
            text.encode()  # half of a surrogate pair is invalid text; UnicodeEncodeError is a ValueError
        return text

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.code is None) == (self.task is None):
            raise ValueError("give `code` or `task`, one of them")
        return self


class Program(BaseModel):
    """What a model is shown: it writes the program itself."""

    code: str = Field(description="A complete Python program that print()s every value that is asked for.")


INPUT: type[BaseModel] = PythonCoderInput


def _fit(question: Question) -> Fit:
    computing = wants_computing(question.text)
    if question.subject == "tables" or (question.subject == "documents" and computing):
        return Fit.NAMED
    if not question.files.documents:
        return Fit.POSSIBLE
    if not question.files.tables:
        return Fit.LIKELY if computing else Fit.FALLBACK
    return Fit.POSSIBLE if computing or not wants_documents(question.text) else Fit.FALLBACK


PURPOSE = Purpose(kind="computation", fit=_fit, files=frozenset({"tables"}), aliases=("python", "code_interpreter"))


class PythonCoder(AgentTool):
    """The observation is the program's output; raises `ToolRetry` if the program has to be fixed."""

    name: str = PYTHON_CODER
    description: str = DESCRIPTION
    args_schema: type[BaseModel] = INPUT
    purpose = PURPOSE
    kit: ToolKit

    @property
    @override
    def tool_call_schema(self) -> type[BaseModel]:
        return Program

    @override
    async def _arun(
        self, code: str | None = None, task: str | None = None, files: tuple[str, ...] = ()
    ) -> tuple[str, Extras]:
        if task is not None:
            return await self._work_out(task, list(files))
        runner = Runner(self.kit)
        code, why = await runner.check(code or "")
        if why is not None:
            raise ToolRetry(why)
        attempt = await runner.run(code)
        if attempt["error"] == "failed":
            raise ToolRetry(attempt["output"], attempt["files"])
        if attempt["error"] == "silent":
            raise ToolSilent(attempt["output"], attempt["files"])
        return attempt["output"], Extras(files=attempt["files"])

    async def _work_out(self, task: str, names: list[str]) -> tuple[str, Extras]:
        if self.kit.coder is None:
            raise ToolFailed(NO_CODER)
        settings = self.kit.coding
        context = CodeContext(self, self.kit.coder, Runner(self.kit), 1 + settings.max_iterations)
        attempts = await work_out(task, names, context)
        last, told = attempts[-1], {"code": attempts[-1]["code"], "attempts": attempts}
        if last["error"] is not None:
            raise ToolRetry(
                f"No program worked. The last one:\n{last['code']}\n{last['output']}", _files(attempts), told
            )
        return last["output"], Extras(files=_files(attempts), data=told)


def _files(attempts: list[Attempt]) -> list[str]:
    return list(dict.fromkeys(name for attempt in attempts for name in attempt["files"]))


def build(kit: ToolKit) -> PythonCoder:
    """The tool for one session."""
    return PythonCoder(kit=kit)

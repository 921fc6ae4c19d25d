"""A new tool is chosen because of its purpose: only its own file and the list refer to it."""

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from pydantic import BaseModel, Field
from typing_extensions import override

from llm.scripted import ScriptedChat
from tests.api.client import ask
from tests.serving import Service, python_step, running, settings_for
from tools import TOOLS
from tools.agent_tool import AgentTool
from tools.purpose import FirstCall, Fit, Purpose
from tools.question import Question
from tools.results import Extras

ASKED = "When is high tide in Bergen, and how many hours until then?"
DESCRIPTION = "says when the tide is high at a harbour."


class TidesInput(BaseModel):
    """Input of `tides`."""

    harbour: str = Field(description="The name of a harbour.")


def _fit(question: Question) -> Fit:
    return Fit.ASKED if "tide" in question.text else Fit.NONE


def _first_call(question: Question) -> FirstCall | None:
    return FirstCall("I look at the tables of the harbour.", "Bergen") if "Bergen" in question.text else None


class Tides(AgentTool):
    """Knows one harbor."""

    name: str = "tides"
    description: str = DESCRIPTION
    args_schema: type[BaseModel] = TidesInput
    purpose = Purpose(kind="reading", fit=_fit, first_call=_first_call, aliases=("tide_table",))

    @override
    async def _arun(self, harbour: str) -> tuple[str, Extras]:
        return f"High tide in {harbour}: 14:20", Extras()


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a line in `tools/__init__.py` would."""
    module: Any = SimpleNamespace(
        DESCRIPTION=DESCRIPTION, INPUT=TidesInput, PURPOSE=Tides.purpose, build=lambda kit: Tides()
    )
    monkeypatch.setitem(TOOLS, "tides", module)


@pytest.fixture
async def native(listed: None, tmp_path: Path) -> AsyncIterator[tuple[Service, ScriptedChat]]:
    model = ScriptedChat(native_tools=True)
    async with running(settings_for(tmp_path / "data"), model) as service:
        yield service, model


@pytest.mark.usefixtures("listed")
async def test_it_is_called_for_its_question_without_asking_the_model(service: Service, model: ScriptedChat) -> None:
    model.replies = ["Final Answer: At 14:20."]
    body = await ask(service, ASKED, agent_type="react")
    (step,) = body["x_agent_metadata"]["steps"]
    assert (step["tool"], step["input"], step["observation"]) == ("tides", "Bergen", "High tide in Bergen: 14:20")
    assert step["thought"] == "I look at the tables of the harbour."
    assert body["choices"][0]["message"]["content"] == "At 14:20."
    assert "tides says:\nHigh tide in Bergen" in str(model.asked[0][1].content)
    assert model.held == []


@pytest.mark.parametrize("question", ["When is high tide in Oslo?", "What is 6 * 7 in Bergen?"])
@pytest.mark.usefixtures("listed")
async def test_other_questions_are_not_its_own(service: Service, model: ScriptedChat, question: str) -> None:
    model.replies = [python_step("print(6 * 7)"), "Final Answer: 42."]
    body = await ask(service, question, agent_type="react")
    assert [step["tool"] for step in body["x_agent_metadata"]["steps"]] == ["python_coder"]


async def test_it_is_offered_by_the_native_protocol(native: tuple[Service, ScriptedChat]) -> None:
    service, model = native
    call = {"name": "tide_table", "args": {"harbour": "Bergen"}, "id": "c", "type": "tool_call"}
    model.replies = ["I look at the tables of the harbour:", AIMessage("", tool_calls=[call]), "At 14:20."]
    body = await ask(service, ASKED.partition(",")[0], agent_type="react")
    assert "tides" in [tool["function"]["name"] for tool in model.arguments[0]["tools"]]
    assert body["x_agent_metadata"]["steps"][0]["tool"] == "tides"
    assert body["choices"][0]["message"]["content"].endswith("At 14:20.")

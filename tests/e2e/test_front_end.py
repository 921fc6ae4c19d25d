"""What front ends send, with the real model: many tools of their own, and answers to be continued."""

from typing import Any

import pytest

from tests.front_end import FRONT_END, tool
from tests.serving import Service

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


async def post(service: Service, *messages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    body = {"messages": list(messages), **fields}
    answer = await service.http.post("/v1/chat/completions", json=body, timeout=600)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


@pytest.mark.parametrize("mode", ["react", "auto"])
async def test_an_agent_computes_beside_a_front_end_s_tools(real_service: Service, mode: str) -> None:
    asked = {"role": "user", "content": "Compute the sum of all integers from 1 to 1234."}
    told = await post(real_service, asked, model=mode, tools=FRONT_END)
    message, metadata = told["choices"][0]["message"], told["x_agent_metadata"]
    assert "761995" in message["content"].replace(",", "")
    assert metadata["tools_used"] == ["python_coder"]
    assert (metadata["client_tools"]["offered"], len(metadata["client_tools"]["left_out"])) == ([], 36)
    assert "```python\n" in message["reasoning_content"]
    assert told["usage"]["prompt_tokens"] < 3000


async def test_an_ordinary_function_is_still_called(real_service: Service) -> None:
    asked = {"role": "user", "content": "What's the weather in Paris?"}
    weather = tool("get_weather", "Get the current weather in a city.", {"city": {"type": "string"}})
    told = await post(real_service, asked, tools=[weather])
    (made,) = told["choices"][0]["message"]["tool_calls"]
    assert made["function"]["name"] == "get_weather"
    assert "Paris" in made["function"]["arguments"]


async def test_an_answer_is_continued(real_service: Service) -> None:
    asked = {"role": "user", "content": "Count from 1 to 20 in digits, separated by commas, and nothing else."}
    first = await post(real_service, asked, model="chat", max_tokens=14)
    begun = first["choices"][0]["message"]["content"]
    assert first["choices"][0]["finish_reason"] == "length"
    told = await post(real_service, asked, {"role": "assistant", "content": begun}, model="chat", max_tokens=60)
    numbers = [int(number) for number in (begun + told["choices"][0]["message"]["content"]).strip(". ").split(",")]
    assert numbers == list(range(1, 21))
    assert told["x_session_id"] == first["x_session_id"]

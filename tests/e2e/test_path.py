"""The README's example with the real model: ask about a file, follow up, restart, continue."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import PRELOAD, Borrowed
from tests.serving import Service, running, settings_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

ROWS = [
    (f"2024-{month:02}-15", region, round(base + 10.5 * month, 2))
    for month in range(1, 13)
    for region, base in (("North", 400), ("South", 700.25), ("East", 520), ("West", 310.75))
]
CSV = "date,region,revenue\n" + "".join(f"{d},{r},{v}\n" for d, r, v in ROWS)
SOUTH = sum(v for _, r, v in ROWS if r == "South")
QUESTION = [{"role": "user", "content": "Which region has the highest total revenue, and how much?"}]


def digits(text: str) -> str:
    return text.replace(",", "")


def test_the_numbers_of_this_file() -> None:
    assert SOUTH == 9222.0


async def test_the_path(tmp_path: Path, borrowed: Borrowed) -> None:
    settings = settings_for(tmp_path / "data", python_code_preload_libraries=PRELOAD)
    async with running(settings, borrowed) as service:
        session = await ask_about_a_file(service)
        variables = (await service.http.get(f"/api/conversations/{session}/variables")).json()["variables"]
        assert any(variable["type"] == "DataFrame" and "revenue" in variable["detail"] for variable in variables)
        thoughts, text, steps = await streamed(service, "And how many rows does the data have?", session)
        assert "```python\n" in thoughts
        assert "Action" not in thoughts
        assert steps
        assert "48" in text
    async with running(settings, borrowed) as service:
        first = await service.client.chat.completions.create(
            model="chat",
            messages=[{"role": "user", "content": "Which region did my first question turn out to be about?"}],
            extra_body={"session_id": session},
        )
        assert "South" in (first.choices[0].message.content or "")


async def ask_about_a_file(service: Service) -> str:
    """The session of the answered first question."""
    answer = await service.http.post(
        "/v1/chat/completions",
        data={"messages": json.dumps(QUESTION), "agent_type": "react"},
        files={"files": ("sales.csv", CSV.encode())},
        timeout=600,
    )
    body = answer.json()
    assert "South" in body["choices"][0]["message"]["content"]
    assert "9222" in digits(body["choices"][0]["message"]["content"])
    assert body["x_agent_metadata"]["tools_used"] == ["python_coder"]
    session: str = body["x_session_id"]
    return session


async def streamed(service: Service, question: str, session: str) -> tuple[str, str, list[dict[str, Any]]]:
    """Thoughts, answer and steps of a streamed turn, through the official SDK."""
    stream = await service.client.chat.completions.create(
        model="react",
        messages=[{"role": "user", "content": question}],
        stream=True,
        extra_body={"session_id": session},
        timeout=600,
    )
    thoughts, pieces, steps = "", [], []
    async for chunk in stream:
        steps += [step] if (step := (chunk.model_extra or {}).get("x_agent_step")) else []
        if chunk.choices:
            delta = chunk.choices[0].delta
            thoughts += (delta.model_extra or {}).get("reasoning_content") or ""
            pieces += [delta.content] if delta.content else []
    assert len(pieces) > 3, "the answer comes token by token"
    return thoughts, "".join(pieces), steps

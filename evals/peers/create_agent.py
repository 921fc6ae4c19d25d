"""LangChain's agent with one Python tool, called natively."""

from pathlib import Path
from typing import Any

from kernel import Python
from langchain.agents import create_agent
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

MAX_STEPS = 6
PROMPT = "You are a data analyst. Use run_python to compute; never guess a value. Then answer the question."


def answer(turns: list[str], folder: Path, url: str) -> tuple[list[str], int, int, int, int]:
    """Returns answers, calls, tokens in and out, programs run."""
    python = Python(folder)

    @tool
    def run_python(code: str) -> str:
        """Run Python code; variables are kept between calls. Print what you want to see."""
        return python.run(code)

    model = ChatOpenAI(base_url=url, api_key="none", model="local", temperature=0, timeout=900, max_retries=0)
    agent = create_agent(
        model,
        [run_python],
        system_prompt=PROMPT,
    )
    messages: list[Any] = []
    answers, calls, read, written = [], 0, 0, 0
    try:
        for question in turns:
            before = len(messages)
            state = agent.invoke(
                {"messages": [*messages, {"role": "user", "content": question}]}, {"recursion_limit": 2 * MAX_STEPS + 2}
            )
            messages = state["messages"]
            made = [message for message in messages[before:] if message.type == "ai"]
            answers.append(made[-1].text)
            calls += len(made)
            read += sum((message.usage_metadata or {}).get("input_tokens", 0) for message in made)
            written += sum((message.usage_metadata or {}).get("output_tokens", 0) for message in made)
    finally:
        python.close()
    return answers, calls, read, written, python.runs

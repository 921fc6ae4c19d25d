"""smolagents' CodeAgent with its own executor."""

import os
from pathlib import Path

from smolagents import CodeAgent, OpenAIServerModel

MAX_STEPS = 6


def answer(turns: list[str], folder: Path, url: str) -> tuple[list[str], int, int, int, int]:
    """Returns answers, calls, tokens in and out, programs run."""
    os.chdir(folder)
    model = OpenAIServerModel(model_id="local", api_base=url, api_key="none", temperature=0)
    agent = CodeAgent(
        tools=[],
        model=model,
        max_steps=MAX_STEPS,
        additional_authorized_imports=["*"],
        executor_kwargs={"additional_functions": {"open": open}},
        verbosity_level=0,
    )
    answers, calls, read, written = [], 0, 0, 0
    for at, question in enumerate(turns):
        done = agent.run(question, reset=at == 0, return_full_result=True)
        answers.append(str(done.output))
        steps = [step for step in done.steps if step.get("token_usage")]
        calls += len(steps)
        read += sum(step["token_usage"]["input_tokens"] for step in steps)
        written += sum(step["token_usage"]["output_tokens"] for step in steps)
    return answers, calls, read, written, calls

"""Does the router choose the mode that fits the kind? Asked with the real model, without answering anything."""

import statistics
import time
from collections.abc import Sequence

from langchain_core.messages import HumanMessage, SystemMessage

from evals.ours import unheld, weights
from evals.task import Task
from llm.llamacpp import LlamaCppChat, build
from llm.settings import LlamaCppSettings
from nodes.model.ask import MAX_CHOICE_TOKENS
from nodes.prompts import render
from nodes.route import KINDS
from nodes.rules.mode import Situation, choose_mode
from tools.question import sort_files


async def agreement(tasks: Sequence[Task], model: str) -> str:
    """How many agree, how many the rules decided, and each disagreement."""
    loaded = build(LlamaCppSettings(model_path=weights(model)))
    lines, wrong, by_rules, right = [], [], 0, 0
    try:
        for task in tasks:
            files = sort_files(task.files)
            asked = task.turns[0].question
            chosen = choose_mode(asked, Situation(own=files, all=files, first=True))
            by_rules += chosen is not None
            if chosen is None:
                said = await _asked(loaded, asked)
                chosen = KINDS[said], f"the model took it for {said}"
            if chosen[0] == task.mode:
                right += 1
            else:
                wrong.append(f"- {task.name}: {chosen[0]} ({chosen[1]}), not {task.mode}")
    finally:
        loaded.close()
    lines.append(f"{right} of {len(tasks)} agree ({right / len(tasks):.0%}); the rules alone decided {by_rules}.")
    return "\n".join([*lines, *wrong])


async def forms(tasks: Sequence[Task], model: str) -> str:
    """The one constrained question of the router, asked for every task with and without its grammar."""
    loaded = build(LlamaCppSettings(model_path=weights(model)))
    lines = ["| the kind of a message | one of the two words | right | milliseconds, median |", "|---|---|---|---|"]
    try:
        for name, asked in (("held to a grammar", loaded), ("free", unheld(loaded))):
            valid, right, times = 0, 0, []
            for task in tasks:
                began = time.perf_counter()
                said = await _asked(asked, task.turns[0].question)
                times.append(time.perf_counter() - began)
                valid += said in KINDS
                right += (KINDS.get(said) == "chat") == (task.mode == "chat") and said in KINDS
            median = statistics.median(times) * 1000
            lines.append(f"| {name} | {valid} of {len(tasks)} | {right} of {len(tasks)} | {median:.0f} |")
    finally:
        loaded.close()
    return "\n".join(lines)


async def _asked(model: LlamaCppChat, question: str) -> str:
    prompt = [SystemMessage(render("route")), HumanMessage(f"Message: {question}\nKind:")]
    return (await model.ainvoke(prompt, choices=list(KINDS), temperature=0.0, max_tokens=MAX_CHOICE_TOKENS)).text

"""Checks whether the router's mode fits the kind of each task, with the real model but without answering."""

import statistics
import time
from collections.abc import Sequence

from langchain_core.messages import HumanMessage, SystemMessage

from evals.ours import unheld, weights
from evals.task import Task
from graph import MODE_OF_KIND
from llm.llamacpp import LlamaCppChat, build
from llm.settings import LlamaCppSettings
from nodes.model.ask import MAX_CHOICE_TOKENS
from nodes.prompts import render
from nodes.route import MODEL_KINDS
from nodes.rules.mode import Kind, Situation, question_kind
from tools.question import sort_files


async def agreement(tasks: Sequence[Task], model: str) -> str:
    """The number of matches, the number decided by rules, and each mismatch."""
    loaded = build(LlamaCppSettings(model_path=weights(model)))
    lines, wrong, by_rules, right = [], [], 0, 0
    try:
        for task in tasks:
            files = sort_files(task.files)
            asked = task.turns[0].question
            told = question_kind(asked, Situation(own=files, all=files, first=True))
            by_rules += told is not None
            kind, reason = told or await _told_by_model(loaded, asked)
            mode = MODE_OF_KIND[kind]
            if mode == task.mode:
                right += 1
            else:
                wrong.append(f"- {task.name}: {mode} ({reason}), not {task.mode}")
    finally:
        loaded.close()
    lines.append(f"{right} of {len(tasks)} match ({right / len(tasks):.0%}); rules alone decided {by_rules}.")
    return "\n".join([*lines, *wrong])


async def forms(tasks: Sequence[Task], model: str) -> str:
    """The router's constrained question for every task, with and without its grammar."""
    loaded = build(LlamaCppSettings(model_path=weights(model)))
    lines = ["| the kind of a message | one of the two words | right | milliseconds, median |", "|---|---|---|---|"]
    try:
        for name, asked in (("with a grammar", loaded), ("free", unheld(loaded))):
            valid, right, times = 0, 0, []
            for task in tasks:
                began = time.perf_counter()
                said = await _asked(asked, task.turns[0].question)
                times.append(time.perf_counter() - began)
                valid += said in MODEL_KINDS
                right += said in MODEL_KINDS and (said == "talk") == (task.mode == MODE_OF_KIND["talk"])
            median = statistics.median(times) * 1000
            lines.append(f"| {name} | {valid} of {len(tasks)} | {right} of {len(tasks)} | {median:.0f} |")
    finally:
        loaded.close()
    return "\n".join(lines)


async def _told_by_model(model: LlamaCppChat, question: str) -> tuple[Kind, str]:
    said = await _asked(model, question)
    return next(kind for kind in MODEL_KINDS if kind == said), f"the model chose {said}"


async def _asked(model: LlamaCppChat, question: str) -> str:
    prompt = [SystemMessage(render("route/kind")), HumanMessage(f"Message: {question}\nKind:")]
    return (await model.ainvoke(prompt, choices=list(MODEL_KINDS), temperature=0.0, max_tokens=MAX_CHOICE_TOKENS)).text

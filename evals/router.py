"""Does the router choose the mode that fits the kind? Asked with the real model, without answering anything."""

from collections.abc import Sequence

from langchain_core.messages import HumanMessage, SystemMessage

from evals.ours import weights
from evals.task import Task
from llm.llamacpp import build
from llm.settings import LlamaCppSettings
from nodes.hints import sort_files
from nodes.prompts import render
from nodes.route import KINDS
from nodes.routing import Situation, choose_mode


async def agreement(tasks: Sequence[Task], model: str) -> str:
    """A table: agreement by kind, how many the rules decided, and each disagreement."""
    loaded = build(LlamaCppSettings(model_path=weights(model)))
    lines, wrong, by_rules, right = [], [], 0, 0
    try:
        for task in tasks:
            files = sort_files(task.files)
            asked = task.turns[0].question
            chosen = choose_mode(asked, Situation(own=files, all=files, first=True))
            by_rules += chosen is not None
            if chosen is None:
                prompt = [SystemMessage(render("route")), HumanMessage(f"Message: {asked}\nKind:")]
                said = await loaded.ainvoke(prompt, choices=list(KINDS), temperature=0.0)
                chosen = KINDS[said.text], f"the model took it for {said.text}"
            if chosen[0] == task.mode:
                right += 1
            else:
                wrong.append(f"- {task.name}: {chosen[0]} ({chosen[1]}), not {task.mode}")
    finally:
        loaded.close()
    lines.append(f"{right} of {len(tasks)} agree ({right / len(tasks):.0%}); the rules alone decided {by_rules}.")
    return "\n".join([*lines, *wrong])

"""Chat that needs no tools."""

from evals.answers import words
from evals.task import Task, Turn


def tasks() -> list[Task]:
    """Ten."""
    asked = [
        ("hello", "Hello there!", words("hello|hi|hey|help|assist")),
        ("capital", "What is the capital of Norway?", words("Oslo")),
        ("author", "Who wrote Hamlet?", words("Shakespeare")),
        ("translate", "Translate 'good morning' into French.", words("bonjour")),
        ("tuple", "Explain the difference between a list and a tuple in Python.", words("mutable|changed|modified")),
        ("thanks", "Thank you, that is all for today.", words("welcome|glad|day|anytime|help")),
        ("sky", "Why is the sky blue?", words("scatter")),
        ("poem", "Write a short poem about the sea.", words("sea|wave|ocean|tide")),
        ("opposite", "What is an antonym of 'generous'?", words("stingy|miser|selfish|greedy|mean|ungenerous")),
        ("water", "At which temperature does water boil at sea level, in degrees Celsius?", words("100")),
    ]
    return [Task(f"talk-{name}", "talk", (Turn(question, check),)) for name, question, check in asked]

"""A model that plays its part in a chat with Open WebUI: it writes programs, and answers with what they print."""

from collections.abc import Sequence

from langchain_core.messages import BaseMessage

from llm.scripted import ScriptedChat
from tests.serving import python_step

CHART = """import pandas as pd, matplotlib.pyplot as plt
table = pd.read_csv('sales.csv')
table.groupby('month')['sales'].sum().plot(kind='bar')
plt.savefig('chart.png')
table.describe().to_csv('summary.csv')
print('total', int(table['sales'].sum()))"""
PROGRAMS = {
    "squares": "total = sum(n * n for n in range(1, 101))\nprint(total)",
    "double": "print(total * 2)",
    "twice": "print(total * 2)",
    "count slowly": "import time\nfor n in range(100):\n    print(n)\n    time.sleep(1)",
    "chart": CHART,
    "mean": "print('mean', round(table['sales'].mean(), 1))",
}
OWN_REQUESTS = {
    '"follow_ups"': '{"follow_ups": ["Divide it by three", "Plot it"]}',
    '"tags"': '{"tags": ["Mathematics"]}',
    '"title"': '{"title": "A computed number"}',
}
AGAIN = f"{PROGRAMS['squares']}\nprint(total * 2)"


def open_webui_model() -> ScriptedChat:
    return ScriptedChat(replies=[reply], repeat=True, piece=6, delay=0.005)


def reply(messages: Sequence[BaseMessage]) -> str:
    last = messages[-1].text
    for form, answer in OWN_REQUESTS.items():
        if f"{{ {form}" in last:
            return answer
    question = last.rpartition("Question:")[2].lower()
    if "Output:\n" in last:
        return f"The result is {last.rpartition('Output:')[2].split(chr(10) + 'New files')[0].split()[-1]}."
    if "do not exist any more" in last and ("double" in question or "twice" in question):
        return python_step(AGAIN, "The variable total is gone, so I compute it again.")
    program = next((code for word, code in PROGRAMS.items() if word in question), "print('Hello')")
    return python_step(program, "I compute it with Python.")

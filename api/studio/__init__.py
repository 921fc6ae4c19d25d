"""The graphs for LangGraph Studio (`make studio`): with real models, tools and kernels, without the HTTP API.

`langgraph dev` finds the graphs and the application by name in this package and provides the checkpointer. A thread is
a session of the user `studio`; its files are in `DATA_DIR/studio`.
"""

from starlette.applications import Starlette
from starlette.middleware import Middleware

from api.studio.graphs import Studio
from api.studio.thread_deletion import ThreadDeletion
from graph import MODES

STUDIO = Studio()
app = Starlette(lifespan=STUDIO.lifespan, middleware=[Middleware(ThreadDeletion, studio=STUDIO)])
globals().update({name: STUDIO.graph(name) for name in MODES})

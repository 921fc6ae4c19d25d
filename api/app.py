"""The application: routes and guards around services that are already open."""

from importlib.metadata import version

from fastapi import FastAPI

from api import artifacts, chat, conversations, errors, files, health, models, tools
from api.guards import BodyLimit, LocalOnly
from api.services import Services
from workspace.settings import MIB


def create_app(services: Services) -> FastAPI:
    """An app that serves `services`. It neither opens nor closes them."""
    app = FastAPI(title="LLM API", version=version("llm-api"))
    app.state.services = services
    for module in (health, models, chat, artifacts, conversations, files, tools):
        app.include_router(module.router)
    errors.install(app)
    app.add_middleware(BodyLimit, limit=services.settings.max_body_mb * MIB)
    app.add_middleware(LocalOnly)
    return app

"""The application: routes and middleware around services that are already open."""

from importlib.metadata import version

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp
from typing_extensions import override

from api import errors
from api.middleware.body_limit import BodyLimit
from api.middleware.guards import KnownSites
from api.middleware.request_context import RequestContext
from api.openapi import describe
from api.routes import (
    admin,
    artifacts,
    auth,
    chat,
    completions,
    conversations,
    docs,
    embeddings,
    files,
    health,
    models,
    responses,
    runs,
    tools,
    websocket,
)
from api.services import Services

ROUTES = (
    health,
    models,
    chat,
    completions,
    responses,
    embeddings,
    artifacts,
    conversations,
    runs,
    websocket,
    files,
    tools,
    auth,
    admin,
    docs,
)
LARGE_BODIES = ("/v1/chat/completions", "/api/chat/completions", "/v1/responses", "/v1/completions", "/api/upload")
"""The paths that take conversations and files."""
EXPOSED = ("X-Session-ID", "X-Request-ID", "Retry-After")


class App(FastAPI):
    """FastAPI with request IDs and security headers, even on responses of its last-resort error handler."""

    @override
    def build_middleware_stack(self) -> ASGIApp:
        services: Services = self.state.services
        return RequestContext(super().build_middleware_stack(), services.audit)


def create_app(services: Services) -> App:
    """Create an app that serves `services`. The caller opens and closes them."""
    settings = services.settings
    app = App(title="LLM API", version=version("llm-api"), docs_url=None, redoc_url=None)
    app.state.services = services
    for module in ROUTES:
        app.include_router(module.router)
    describe(app)
    errors.install(app)
    app.add_middleware(
        BodyLimit,
        memory=services.body_memory,
        limit=settings.requests.max_body_bytes,
        large=LARGE_BODIES,
        idle_seconds=settings.uploads.upload_idle_seconds,
    )
    app.add_middleware(
        KnownSites,
        login_required=settings.login_required,
        hosts=settings.requests.allowed_hosts,
        origins=settings.requests.cors_origins,
    )
    if settings.requests.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.requests.cors_origins,
            allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
            allow_headers=("*",),
            expose_headers=EXPOSED,
        )
    return app

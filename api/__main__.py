"""`python -m api`: fetch what is missing, start, say where. `python -m api admin`: see `api/command.py`."""

import asyncio
import logging
import sys

from api import command
from api.logs import configure_logging
from api.server import Server, listen, serve
from api.services import Services
from api.settings import Settings, SettingsError, load_settings
from llm import catalog, fetch
from llm.errors import ModelError
from llm.factory import load_models
from workspace.jail.probe import SandboxUnavailable

log = logging.getLogger(__name__)

BANNER = """
  LLM API {url}
  model   {model}
  data    {data}
  sandbox {sandbox}
  login   {login}

  Try it:
    curl {url}/v1/chat/completions -H 'Content-Type: application/json' \\
      -d '{{"agent_type":"react","messages":[{{"role":"user","content":"What is the 50th Fibonacci number?"}}]}}'
"""


def main() -> int:
    """0 after a clean end, 1 with one clear line when the service cannot start."""
    try:
        settings = load_settings()
        if sys.argv[1:]:
            return command.main(sys.argv[1:], settings)
        configure_logging(settings)
        if "llamacpp" in (settings.llm_backend, settings.coder_backend) and settings.llamacpp_model_path is None:
            default, entries = catalog.load()
            fetch.ensure(entries[default], catalog.models_dir(settings.models_dir))
        asyncio.run(run(settings))
    except (SettingsError, ModelError, SandboxUnavailable, fetch.FetchError) as error:
        return fail(str(error))
    except OSError as error:
        return fail(f"The service cannot start: {error}")
    except KeyboardInterrupt:
        return 0
    return 0


def fetch_vectors(settings: Settings) -> None:
    """The model that documents are searched with. The service also starts without it; the search then says so."""
    if settings.embedding_backend != "fastembed" or settings.embedding_model_path is not None:
        return
    try:
        fetch.ensure(catalog.load()[1][catalog.VECTORS], catalog.models_dir(settings.models_dir))
    except (fetch.FetchError, OSError) as error:
        log.warning("Documents cannot be searched: %s", error)


async def run(settings: Settings) -> None:
    try:
        sock = listen(settings)
    except OSError as error:
        where = f"{settings.server_host}:{settings.server_port}"
        raise SettingsError(f"cannot listen on {where}: {error.strerror}") from error
    with sock:
        models = await load_models(settings.models())
        await asyncio.to_thread(fetch_vectors, settings)
        host, port = sock.getsockname()[:2]
        url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        data = settings.data_dir.resolve()

        def announce(_server: Server, services: Services) -> None:
            sandbox = services.sandbox.level.value
            login = login_words(settings, administered=services.administered)
            sys.stdout.write(BANNER.format(url=url, model=services.model_name, data=data, sandbox=sandbox, login=login))
            sys.stdout.flush()

        await serve(settings, models.chat, sock, announce, coder=models.coder, seeing=models.vision)


def login_words(settings: Settings, *, administered: bool) -> str:
    """What the start says of who may come in."""
    if not settings.login_required:
        return "not required: whoever reaches this address is the user 'local'"
    registration = "anybody may register" if settings.allow_registration else "registration is closed"
    hint = "" if administered else "\n          nobody administers it yet: python -m api admin create NAME"
    return f"required; {registration}{hint}"


def fail(message: str) -> int:
    sys.stderr.write(f"llm-api: {message}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())

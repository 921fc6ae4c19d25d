"""`python -m api`: fetch missing models and start the service. `python -m api admin`: see `api/cli.py`."""

import asyncio
import socket
import sys

from api import cli as command
from api.allocator import return_large_blocks
from api.middleware.logging import configure_logging
from api.model_registry import fetch_chat, fetch_vectors
from api.server import Server, keep_what_is_loaded, listen, raise_open_file_limit, serve
from api.services import Services
from api.settings import Settings, SettingsError, load_settings
from llm.errors import ModelError
from llm.factory import load_models
from llm.fetch import FetchError
from workspace.jail.probe import SandboxUnavailable

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
    """Returns 0 after a clean shutdown, or 1 with a one-line message if the service cannot start."""
    try:
        settings = load_settings()
        if sys.argv[1:]:
            return command.main(sys.argv[1:], settings)
        configure_logging(settings.log)
        raise_open_file_limit()
        return_large_blocks()
        with listen(settings.server) as sock:  # first, because a download takes minutes
            fetch_chat(settings.models)
            asyncio.run(run(settings, sock))
    except (SettingsError, ModelError, SandboxUnavailable, FetchError) as error:
        return fail(str(error))
    except OSError as error:
        place = f"{error.filename}: " if error.filename is not None else ""
        return fail(f"The service cannot start: {place}{error.strerror or error}")
    except KeyboardInterrupt:
        return fail("Interrupted before the service was ready. The next start continues a download where it stopped.")
    return 0


async def run(settings: Settings, sock: socket.socket) -> None:
    models = await load_models(settings.models)
    await asyncio.to_thread(fetch_vectors, settings.models)
    host, port = sock.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def opened(_server: Server, services: Services) -> None:
        sandbox = services.sandbox.level.value
        login = login_words(settings, administered=services.administered)
        data = settings.data_dir
        sys.stdout.write(BANNER.format(url=url, model=services.models.default, data=data, sandbox=sandbox, login=login))
        sys.stdout.flush()
        keep_what_is_loaded()

    await serve(settings, models.chat, sock, opened, coder=models.coder, seeing=models.vision)


def login_words(settings: Settings, *, administered: bool) -> str:
    """Describes at startup who may log in."""
    if not settings.login_required:
        return "not required: anyone who can reach this address is the user 'local'"
    registration = "anyone may register" if settings.accounts.allow_registration else "registration is closed"
    hint = "" if administered else "\n          there is no administrator yet: python -m api admin create NAME"
    return f"required; {registration}{hint}"


def fail(message: str) -> int:
    sys.stderr.write(f"llm-api: {message}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())

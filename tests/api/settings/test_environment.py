"""Settings are read from the environment and from `.env`; paths become absolute, secrets stay hidden."""

import os
from pathlib import Path

import pytest
from pydantic import BaseModel

from api.settings import Settings, SettingsError, load_settings, settings_from
from api.settings.variables import variables_of
from llm.scripted import ScriptedChat
from tests.serving import running, settings_for

NAMES = [variable.name for variable in variables_of(Settings)]


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that sets nothing, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in set(os.environ) & set(NAMES):
        monkeypatch.delenv(name)
    return monkeypatch


def test_the_environment_wins_over_the_file(environment: pytest.MonkeyPatch) -> None:
    assert load_settings() == Settings()
    Path(".env").write_text("# mine\nSERVER_PORT=2000\nTAVILY_API_KEY='tvly-1'\nrun_policy=enqueue\nNOT_OURS=1\n")
    environment.setenv("SERVER_PORT", "3000")
    environment.setenv("web_ports", "80, 8080,")
    environment.setenv("OTHER", "x")
    settings = load_settings()
    assert (settings.server.port, settings.runs.policy, settings.web.ports) == (3000, "enqueue", (80, 8080))
    assert settings.web.tavily.api_key.get_secret_value() == "tvly-1"


def test_empty_text_is_nothing_where_nothing_is_a_value() -> None:
    given = dict.fromkeys(("LOG_FILE", "WEB_PROXY", "OLLAMA_TEMPERATURE", "SECRET_KEY", "CORS_ORIGINS"), "")
    assert settings_from(given) == Settings()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("WEB_PORTS", "80,high", "WEB_PORTS: Input should be a valid integer"),
        (
            "TAVILY_BASE_URL",
            "ftp://x",
            "TAVILY_BASE_URL: Value error, must start with http:// or https:// (got 'ftp://x')",
        ),
        ("OPENAI_BASE_URL", "", "OPENAI_BASE_URL: Value error, must name at least one server (got '')"),
        ("LLAMACPP_N_CTX", "1", "LLAMACPP_N_CTX: Input should be greater than or equal to 512 (got '1')"),
        ("USER_DISK_MB", "-1", "USER_DISK_MB: Input should be greater than or equal to 0 (got '-1')"),
    ],
)
def test_a_wrong_value_is_named_by_its_variable(
    environment: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    environment.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    "text",
    [
        b"export DATA_DIR='my data'\r\nSERVER_PORT=\"2000\" # mine\r\n",
        b"\xef\xbb\xbfDATA_DIR=my data\nSERVER_PORT = 2000\n",
        "# Zoë's\n\nDATA_DIR=~/my data\nSERVER_PORT=2000".encode(),
    ],
)
def test_files_from_any_editor_are_read(environment: pytest.MonkeyPatch, tmp_path: Path, text: bytes) -> None:
    environment.setenv("HOME", str(tmp_path))
    Path(".env").write_bytes(text)
    settings = load_settings()
    assert settings.server.port == 2000
    assert settings.data_dir == tmp_path / "my data"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b'LOG_LEVEL=DEBUG\n\nSERVER_PORT="2000\n', r"\.env: line 3 is not of the form NAME=value"),
        (b'LOG_LEVEL=DEBUG\r\n\r\nSERVER_PORT="2000\r\n', r"\.env: line 3 is not of the form NAME=value"),
        (b"SERVER_PORT 2000\n", r"\.env: line 1 is not of the form NAME=value"),
        ("DATA_DIR=é".encode("latin-1"), r"\.env: is not UTF-8 text"),
        (b"DATA_DIR=\n", "DATA_DIR: Value error, must not be empty"),
        (b"DATA_DIR=~nobody-of-this-name/data\n", "DATA_DIR: Value error, names a user without a home folder"),
    ],
)
def test_regression_a_damaged_file_was_ignored_or_a_traceback(
    environment: pytest.MonkeyPatch, text: bytes, said: str
) -> None:
    Path(".env").write_bytes(text)
    with pytest.raises(SettingsError, match=said):
        load_settings()


def test_secrets_are_shown_nowhere() -> None:
    secrets = [variable.name for variable in variables_of(Settings) if variable.secret]
    assert secrets == ["ADMIN_PASSWORD", "SECRET_KEY", "SECRET_KEY_PREVIOUS", "OPENAI_API_KEY", "TAVILY_API_KEY"]
    settings = settings_from(dict.fromkeys(secrets, "hunter2" * 5))
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert "hunter2" not in shown


def test_a_variable_sets_one_field() -> None:
    assert len(NAMES) == len(set(NAMES))


def paths(model: BaseModel) -> list[Path]:
    """All paths of a model and its nested models."""
    values = dict(model).values()
    inner = [path for value in values if isinstance(value, BaseModel) for path in paths(value)]
    return [*inner, *(value for value in values if isinstance(value, Path))]


def test_every_path_is_absolute(environment: pytest.MonkeyPatch) -> None:
    named = [name for name in NAMES if name.endswith(("_PATH", "_DIR", "LOG_FILE"))]
    for name in named:
        environment.setenv(name, f"below/{name}")
    found = paths(load_settings())
    assert sorted(found) == sorted(Path.cwd() / "below" / name for name in named)
    environment.undo()
    assert paths(Settings()) == [Path.cwd() / "data"]


async def test_regression_a_relative_data_dir_broke_the_workers(environment: pytest.MonkeyPatch) -> None:
    """They run in another folder, where the file's path was invalid."""
    async with running(settings_for(Path("data")), ScriptedChat()) as service:
        form = {"files": ("garden.txt", b"Roses are pruned in late winter.")}
        (await service.http.post("/api/upload", files=form)).raise_for_status()
        called = await service.http.post("/api/tools/rag_retriever", json={"input": {"query": "roses"}})
        assert [source["title"] for source in called.json()["sources"]] == ["garden.txt"]

"""All settings together, by topic."""

from pathlib import Path
from typing import Annotated

from api.accounts.settings import AccountSettings, Quota
from api.files.settings import LinkSettings, UploadSettings
from api.middleware.settings import LogSettings, RequestSettings
from api.runs.settings import RunSettings
from api.settings.server import ServerSettings
from api.settings.variables import Topic
from llm.settings import ModelSettings
from nodes.settings import AgentSettings
from tools.coding.settings import CodingSettings
from tools.files.settings import FileCacheSettings
from tools.vision.settings import VisionSettings
from tools.web.settings import WebSettings
from tools.workers.settings import WorkerSettings
from workspace.jail.settings import JailSettings
from workspace.owned_folder import SCRATCH
from workspace.retrieval.settings import RetrievalSettings
from workspace.settings import WorkspaceSettings
from workspace.settings_model import AbsolutePath, SettingsModel


class Settings(SettingsModel):
    """All settings of the service; each part receives its own."""

    data_dir: AbsolutePath = Path("data")
    """Folder for everything that the service stores: database, sessions, files, logs."""
    server: Annotated[ServerSettings, Topic("Server", "SERVER_")] = ServerSettings()
    log: Annotated[LogSettings, Topic("Log", "LOG_")] = LogSettings()
    accounts: Annotated[AccountSettings, Topic("Accounts", page="accounts.md")] = AccountSettings()
    requests: Annotated[RequestSettings, Topic("Requests", page="security.md")] = RequestSettings()
    quota: Annotated[Quota, Topic("Quotas", "USER_", "administration.md")] = Quota()
    uploads: Annotated[UploadSettings, Topic("Uploads", page="files.md")] = UploadSettings()
    runs: Annotated[RunSettings, Topic("Sessions", "RUN_", "sessions.md")] = RunSettings()
    links: Annotated[LinkSettings, Topic("Links", page="api.md")] = LinkSettings()
    models: Annotated[ModelSettings, Topic("Models", page="models.md")] = ModelSettings()
    retrieval: Annotated[RetrievalSettings, Topic("Document search", "RETRIEVAL_", "retrieval.md")] = (
        RetrievalSettings()
    )
    agent: Annotated[AgentSettings, Topic("Agent", page="agent.md")] = AgentSettings()
    coding: Annotated[CodingSettings, Topic("Programs", "PYTHON_CODE_", "coding.md")] = CodingSettings()
    workspace: Annotated[WorkspaceSettings, Topic("Kernels", page="kernels.md")] = WorkspaceSettings()
    jail: Annotated[JailSettings, Topic("Sandbox", page="sandbox.md")] = JailSettings()
    web: Annotated[WebSettings, Topic("Web", "WEB_", "web.md")] = WebSettings()
    vision: Annotated[VisionSettings, Topic("Images", "VISION_", "vision.md")] = VisionSettings()
    workers: Annotated[WorkerSettings, Topic("Reading files", "FILE_", "reading.md")] = WorkerSettings()
    file_cache: Annotated[FileCacheSettings, Topic("File cache", page="reading.md")] = FileCacheSettings()

    @property
    def database(self) -> Path:
        return self.data_dir / "llm_api.sqlite"

    @property
    def sessions_dir(self) -> Path:
        """One folder per session."""
        return self.data_dir / "sessions"

    @property
    def snapshots_dir(self) -> Path:
        """The saved variables of sessions."""
        return self.data_dir / "snapshots"

    @property
    def scratch_dir(self) -> Path:
        """One folder per process, for files that are not complete yet."""
        return self.data_dir / SCRATCH

    @property
    def reserve_file(self) -> Path:
        """Disk space for deletions."""
        return self.data_dir / "reserve"

    @property
    def audit_file(self) -> Path:
        return self.data_dir / "logs" / "audit.jsonl"

    @property
    def secret_file(self) -> Path:
        """The keys that sign tokens, unless `SECRET_KEY` is set."""
        return self.data_dir / "secret.key"

    @property
    def users_dir(self) -> Path:
        """One folder per user, for data outside of sessions."""
        return self.data_dir / "users"

    def user_dir(self, user: str) -> Path:
        """The folder of a user's data outside of sessions."""
        return self.users_dir / user

    @property
    def login_required(self) -> bool:
        """Whether a login is required; `auto` depends on the address that the service listens on."""
        required = self.accounts.auth_required
        return required == "true" or (required == "auto" and not self.server.loopback)

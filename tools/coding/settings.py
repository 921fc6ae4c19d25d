"""Settings of programs for tasks."""

from pydantic import Field

from workspace.settings_model import SettingsModel


class CodingSettings(SettingsModel):
    """Programs that the model writes."""

    max_iterations: int = Field(default=3, ge=0, le=20)
    """How many times in a row a failed program is fixed or rewritten, by an agent and by `python_coder`."""

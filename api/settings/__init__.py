"""All settings. Only this package reads the environment (and `.env`)."""

from api.settings.environment import load_settings, settings_from
from api.settings.settings import Settings
from workspace.settings_model import SettingsError

__all__ = ["Settings", "SettingsError", "load_settings", "settings_from"]

"""Imports what reading files needs, for the workers' fork server."""

from importlib import import_module

from tools.files import sections
from tools.files.registry import HANDLERS

MODULES = [sections, *(import_module(module) for module in HANDLERS.values())]

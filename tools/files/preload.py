"""Imports what reading files needs, for the workers' fork server."""

from importlib import import_module

from tools.files.registry import HANDLERS

MODULES = [import_module(module) for module in HANDLERS.values()]

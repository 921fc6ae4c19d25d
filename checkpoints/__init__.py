"""Persistent data: the database tables and LangGraph's checkpoints."""

"""Spreadsheets: what is in their cells, where their tables are, and how pandas loads them."""

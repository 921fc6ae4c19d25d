"""Text tables: how their lines are divided, where the tables are, and how pandas is told."""

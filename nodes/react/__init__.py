"""What the ReAct loop does next, and how a model says so."""

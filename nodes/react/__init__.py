"""The decisions of the ReAct loop, and the protocols in which a model states them."""

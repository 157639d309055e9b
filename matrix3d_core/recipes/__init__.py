"""End-to-end compositions shared by the nodes and the console script."""

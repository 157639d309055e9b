"""Evaluation of worlds and videos: poses solved from frames, navigable range, folders of results, the paper's tables."""

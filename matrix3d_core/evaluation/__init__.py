"""Evaluation of worlds and videos: solved poses, navigable range, folders of results, and the tables of the paper."""

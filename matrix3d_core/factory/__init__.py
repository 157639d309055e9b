"""Training clips from procedural and user scenes: routes, collision, filter, captions, WebDataset shards."""

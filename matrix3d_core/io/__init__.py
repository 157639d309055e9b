"""Bytes to scene records and back, one format per file."""

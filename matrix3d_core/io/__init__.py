"""Readers and writers of files, one format per module."""

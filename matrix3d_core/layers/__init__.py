"""Layered panoramas: sky, background and what stands in front, each completed behind the nearer ones."""

"""Runs as files: what determines one, the store, and the sweep that trains those that are missing."""

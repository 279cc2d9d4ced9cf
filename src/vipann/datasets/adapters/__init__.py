"""Datasets by name: a module each, with `place_audio` and `list_clips`."""

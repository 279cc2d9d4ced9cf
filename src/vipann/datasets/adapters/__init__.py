"""Datasets by name: a module each, with `list_clips` and, where archives aren't just unpacked,
`place_audio`."""

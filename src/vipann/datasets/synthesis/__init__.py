"""Synthetic audio: physically different sounds, the rooms they are heard in, and sets of clips."""

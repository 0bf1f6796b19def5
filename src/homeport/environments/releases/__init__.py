"""Releases: what they are and are called, which are kept, and the plans that put one in another's place."""

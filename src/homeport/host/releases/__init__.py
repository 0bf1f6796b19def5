"""Releases on this machine: built from a commit, proven, put in place, and removed again."""

"""Backups: made, read back, listed, verified and pruned."""

"""Data directories: copied while their program writes."""

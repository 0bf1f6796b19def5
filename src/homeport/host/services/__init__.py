"""Whoever runs the environments' servers: one port, and an adapter for systemd and one for plain processes."""

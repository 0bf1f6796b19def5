"""OAuth 2.1 for clients that cannot be handed a token: on a host name of its own, and nowhere else."""

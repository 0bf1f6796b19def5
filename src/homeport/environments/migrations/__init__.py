"""Migrations of an environment's data: what is pending, the plan that runs them, and what came of it. Pure."""

"""How all environments are, side by side: from facts to rows."""

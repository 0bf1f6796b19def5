"""Work on a database file as a whole, beside a running server or on a copy: copied, examined, scrubbed, upgraded."""

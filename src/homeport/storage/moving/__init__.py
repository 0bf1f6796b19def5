"""All data from a file of SQLite into a PostgreSQL database, or back: copied, counted, and compared row by row."""

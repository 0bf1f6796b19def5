"""The replica of an environment's database that Litestream keeps: run, read, restored, and held against the data."""

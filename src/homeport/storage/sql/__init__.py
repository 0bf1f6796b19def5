"""The records in SQL: the statements that every database understands, and the port to what each does in its own way.

:mod:`homeport.storage.sqlite` and :mod:`homeport.storage.postgres` bring the connections, the transactions, and an
index of words.
"""

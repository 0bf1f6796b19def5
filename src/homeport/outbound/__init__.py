"""Where Homeport itself is a client: the bridge for clients that speak only stdio, and the trial of a connection.

It knows addresses and the protocol, and neither half's inside.
"""

"""The environments half's pure part: what is declared, what follows from it, and what is to be done.

Nothing in here runs, reads or asks the time. Text comes in, values go out.
"""

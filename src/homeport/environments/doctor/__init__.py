"""The doctor: what was found on a machine, held against the declaration; findings with their causes. Pure.

:mod:`.facts` are the values that :mod:`homeport.host.facts` gathers; each other module knows one family of faults;
:mod:`.examination` asks them all.
"""

"""What ``make bench`` measures: Homeport beside named alternatives, in one run, by one load generator.

::

    __main__    arguments, the order of the cases, exit code
      ├─ noop, send, sizes, telling, starting    one case each: figures and targets
      ├─ servers      starts, probes and ends the real processes; peers/ are those of others
      ├─ generator    runs load and tell, each in a process of its own
      └─ report       figures -> table, JSON

Rounds are interleaved: every server is measured once before any is measured twice, so that a slow spell of the
machine is everybody's. Answers are counted only when they are the right ones.
"""

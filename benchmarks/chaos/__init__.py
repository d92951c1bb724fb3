"""Chaos: random faults at random moments of a program's life, and what must hold after each.

``session`` is a supervisor with its program, ``faults`` what is done to them, ``rounds`` a
fault with its moment and what is checked afterwards.
"""

"""Pure decisions: no os, time, threading, sockets, files or printing.

Time, files and processes come in as values; what to do goes out as values. So
every rule here can be read, tested and drawn without starting anything.
"""

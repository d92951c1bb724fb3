"""Listening sockets that outlive the program.

``bound``     those the configuration names, and what systemd has passed on
``handover``  how the program gets them: systemd's protocol, and words of its command line
``holders``   who holds an address that cannot be had
``kept``      those that programs open themselves
"""

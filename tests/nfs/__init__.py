"""Tests on file systems of which the kernel does not tell what others change.

``guest``            boots a throw-away Linux with an NFS server and client in it
``inside``           tests that run in there, and only there
``test_in_guests``   runs them, one guest for each group
``test_sshfs``       tests on a FUSE file system, without a guest
"""

"""Tests that run in the guest, and what they share.

``mounts``   the exported directory, as the server and as clients see it
``server``   the NFS server: stopped, started, its export withdrawn and given back
``sources``  the backend that is tested
``contract`` the rules of the contract, with changes made elsewhere
``statx``    what a file is like on the server, whatever the client believes

Nothing here may look at a mount while its server is away: that blocks for ever.
"""

"""Tests that need the guest are collected in it only."""

from __future__ import annotations

import os

from tests.nfs.guest import VARIABLE

collect_ignore = [] if VARIABLE in os.environ else ["inside"]

"""Writes new plugins: `quantsail new-plugin` as a function, a table of kinds, and the templates.

A template is the plugin named ``my-name`` of its kind, so it reads as what it becomes. Where a kind has no file of
its own, that of ``common`` is taken.
"""

from __future__ import annotations

from quantsail_framework.scaffold.kinds import KINDS as KINDS
from quantsail_framework.scaffold.write import new_plugin as new_plugin

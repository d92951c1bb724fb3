"""A plugin that cannot be imported: it must cost nobody else anything."""

raise RuntimeError("this plugin is broken")

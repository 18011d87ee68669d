"""Where proximity comes from: the depth sources, by name in ``seglens.registry.depths``."""

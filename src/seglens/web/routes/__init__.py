"""The API by theme. A module has one ``router``."""

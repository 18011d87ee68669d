"""In and out: other tools' projects and files."""

"""Results → terminal, JSON, CSV, Markdown, HTML; the only users of rich and of templates."""

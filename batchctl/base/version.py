"""The version of the package: the one place that pyproject.toml and the package itself read it from."""

VERSION = "0.1.0"

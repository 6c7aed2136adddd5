"""The command line: one thin module per command that parses, calls the library and prints."""

from ruler.cli.main import app, main

__all__ = ["app", "main"]

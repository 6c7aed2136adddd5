"""Rules: the file a person reads and edits, and how observations are held against it."""

"""Measurements that print tables; each number the project says of itself is printed here."""

"""Shiftboss in web frameworks."""

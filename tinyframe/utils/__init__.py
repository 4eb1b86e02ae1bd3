"""Utilities: checks of arguments, products by shape, and other small tools that wings share."""

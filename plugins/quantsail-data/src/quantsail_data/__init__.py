"""The plugin's list of components; imports nothing heavy."""

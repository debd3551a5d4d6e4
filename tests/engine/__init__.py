"""The engine against the independent reference simulator, and its own rules."""

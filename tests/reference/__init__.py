"""A second, slow, bar-by-bar reading of the trading rules that shares no code with the engine it is compared with."""

"""Exchanges on this machine that speak the dialects of real ones, to try the real client of ccxt against."""

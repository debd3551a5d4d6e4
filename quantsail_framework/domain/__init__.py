"""The values of trading: frozen, typed, and free of any library but attrs and numpy."""

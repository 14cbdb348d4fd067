"""From a parsed request to planned upstream calls."""

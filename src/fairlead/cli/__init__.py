"""The command line: parse, one service verb, show."""

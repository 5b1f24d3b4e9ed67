"""The benchmark's driver: standard library only."""

"""The tag library: definitions as data, the engine that computes them, their changes and their measures."""

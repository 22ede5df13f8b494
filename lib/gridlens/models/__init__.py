"""Models: from a training table to calibrated probabilities, their figures and their reasons."""

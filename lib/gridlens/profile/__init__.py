"""What one customer is like: the whole picture, trajectories, and who is connected with whom."""

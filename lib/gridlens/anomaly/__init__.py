"""Abnormal usage (用电异常): what a meter series says against its own past and against its peers."""

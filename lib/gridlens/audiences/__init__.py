"""Audiences (客群): expressions over features, tags and segments, less those who must not be approached."""

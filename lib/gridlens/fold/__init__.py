"""The fold of bronze into silver: deterministic, in whatever order the files arrive."""

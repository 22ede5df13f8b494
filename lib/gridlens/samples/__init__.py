"""The synthetic province: source files as a company's systems would deliver them. Nothing else in the library imports it."""

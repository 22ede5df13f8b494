"""The default definitions, installed as ``gridlens.conf``; ``--conf DIR`` overrides any file by name."""

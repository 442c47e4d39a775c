"""Speed of tablestore against pyarrow and other engines: ``python -m bench``."""

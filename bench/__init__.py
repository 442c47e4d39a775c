"""Speed of tablestore, as CPU ratios against pyarrow and other engines; see ``python -m bench -h``."""

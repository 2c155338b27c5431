"""The checker of types and shapes: whole numbers pass for real ones, as in Python itself."""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))

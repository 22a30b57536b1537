"""Schemes as data (方案包): the rules of a district, read from TOML. Standard library only, no database."""

"""Measurements of the site beside honest floors (性能测量), on loopback only: `make bench`."""

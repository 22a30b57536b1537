"""The glossary of README is the code's: each term stands there with the name that the code has."""

import pkgutil
import re
from importlib import import_module
from pathlib import Path

import models
from models.access import Post

README = (Path(__file__).parents[1] / "README.md").read_text()
TERMS = dict(re.findall(r"^\| ([^|`]+?) \| `([^`]+)` \|", README, re.M))


def test_every_post_is_called_in_the_glossary_as_on_the_page():
    for post in Post:
        assert TERMS.get(post.label) == post.value


def test_every_class_of_the_glossary_exists():
    modules = [import_module(f"models.{one.name}") for one in pkgutil.iter_modules(models.__path__)]
    known = {name for module in modules for name in vars(module)}
    for term, name in TERMS.items():
        if name[0].isupper():
            assert name in known, (term, name)

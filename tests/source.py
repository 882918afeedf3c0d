"""Reading Python as a tree."""

import ast
import gc


def parsed(source: str) -> ast.Module:
    """No garbage is collected meanwhile: CPython 3.11 may then fail with a SystemError (gh-106905)."""
    gc.disable()
    try:
        return ast.parse(source)
    finally:
        gc.enable()

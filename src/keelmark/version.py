"""The version of this package, apart from the package itself, which offers functions of the upper layers."""

__all__ = ["__version__"]

__version__ = "0.1.0"

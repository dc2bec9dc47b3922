"""Builds the optional part in C: where it cannot be built, the same is done in Python."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "keelmark.formats.models.pickle._walk",
            sources=["src/keelmark/formats/models/pickle/_walk.c"],
            py_limited_api=True,
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)

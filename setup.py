"""Which folders are installed, and where the data lies: `datasets/` and `bundles/demo/` become folders of `glimpse`.

Everything else about the distribution is in pyproject.toml.
"""

from setuptools import find_packages, setup

PACKAGES = ("glimpse", "decoder", "training", "realtime", "serve", "benchmarks")
DATA = {"glimpse.datasets": "datasets", "glimpse.bundles.demo": "bundles/demo"}

setup(
    packages=[*find_packages(include=[pattern for name in PACKAGES for pattern in (name, f"{name}.*")]), *DATA],
    package_dir=DATA,
)

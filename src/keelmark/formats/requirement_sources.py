"""Where the requirements of a model take packages from: an index or an address beside those that everybody uses.

Packages run code when they are installed and imported. A list that comes with a model and names an index of a stranger
makes whoever serves the model install from there; one that names the index of PyTorch or a release of GitHub does not.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

import re2

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["is_requirements", "strange_sources"]

_NAMES = re2.compile(
    r"(?i)(?:.*[-_.])?requirements(?:[-_.].*)?\.(?:txt|in|pip)|conda\.ya?ml|environment\.ya?ml|python_env\.ya?ml"
)
_INDEX = re2.compile(
    r"(?m)^[ \t-]*(?:--(?:extra-)?index-url|-i|--find-links|-f)(?:[ \t]+|[ \t]*=[ \t]*)[\"']?((?:https?|ftp)://[^\s\"'#]+)"
)
_DIRECT = re2.compile(
    r"(?m)^[ \t-]*(?:[A-Za-z0-9][\w.-]*(?:\[[^\]\n]*\])?[ \t]*@[ \t]*)?((?:(?:git|hg|svn|bzr)\+)?(?:https?|ftp)://[^\s\"'#;]+)"
)
_HOST = re2.compile(r"(?i)^(?:[a-z]+\+)?[a-z]+://(?:[^/@\s]*@)?(\[[^\]]*\]|[^/:\s]+)")
_KNOWN = (
    "pypi.org", "pypi.python.org", "pythonhosted.org", "pytorch.org", "anaconda.org", "anaconda.com", "nvidia.com", "nvidia.cn", "github.com",
    "githubusercontent.com", "github.io", "gitlab.com", "gitlab.io", "bitbucket.org", "huggingface.co", "hf.co", "googleapis.com", "google.com",
    "pyg.org", "dgl.ai", "openmmlab.com", "paddlepaddle.org.cn", "bcebos.com", "vllm.ai", "flashinfer.ai", "modelscope.cn", "mindspore.cn",
    "aliyun.com", "aliyuncs.com", "edu.cn", "tencent.com", "tencentyun.com", "huaweicloud.com", "douban.com", "163.com", "amd.com", "intel.com",
    "amazonaws.com", "azure.com", "windows.net", "microsoft.com", "readthedocs.io", "fury.io", "cloudsmith.io", "mlflow.org", "ray.io",
    "tensorflow.org", "apache.org", "python.org", "kernel.org", "sourceforge.net", "codeberg.org", "opencv.org", "h2o.ai", "stanford.edu",
    "pkg.dev", "jfrog.io", "nexa.ai", "explosion.ai", "databricks.com", "salad.com", "modular.com", "wheels.dev", "facebook.com", "fbaipublicfiles.com",
)  # fmt: skip
_AT_HAND = (".local", ".internal", ".lan", ".corp", ".intranet", ".home.arpa")
# What `is_private` counts besides are examples and reserved ranges, where nobody is at home.
_NETWORKS = tuple(
    map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fd00::/8", "169.254.0.0/16"))
)
_MAX_FOUND = 20


def is_requirements(name: str) -> bool:
    """Whether a file is called like a list of requirements."""
    return _NAMES.fullmatch(name.encode("utf-8", "backslashreplace").decode()) is not None


def strange_sources(text: str) -> Iterator[tuple[str, str]]:
    """What is said of each address that nobody knows for packages, and the address."""
    said: dict[str, str] = {}
    for pattern, what in ((_INDEX, "names the index"), (_DIRECT, "asks for the package")):
        for match in pattern.finditer(text):
            address = str(match.group(1))
            if len(said) < _MAX_FOUND and _is_strange(address):
                said.setdefault(address, what)
    for address, what in said.items():
        yield what, address


def _is_strange(address: str) -> bool:
    match = _HOST.search(address)
    if match is None:
        return False
    host = match.group(1).lower().strip("[]")
    try:
        number = ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return not (number.is_loopback or any(number in network for network in _NETWORKS))
    if "." not in host or host.endswith(_AT_HAND) or "$" in host or "{" in host:
        # A machine of the network at hand, or a variable: who wrote it is at home there.
        return False
    return not any(host == known or host.endswith(f".{known}") for known in _KNOWN)

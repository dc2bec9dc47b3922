from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from keelmark.formats.dependencies.nuget import READER
from keelmark.formats.source import Source

PROJECT = """\ufeff<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><TargetFramework>net8.0</TargetFramework></PropertyGroup>
  <!-- <PackageReference Include="Gone" Version="1.0.0" /> -->
  <ItemGroup>
    <PackageReference Include="Microsoft.ML.OnnxRuntime" Version="1.18.1" />
    <PackageReference Include="NAudio" Version="2.*" />
    <PackageReference Include='Inner'>
      <Version>3.1.0</Version>
    </PackageReference>
    <PackageReference Include="$(Named)" PrivateAssets="all" />
  </ItemGroup>
</Project>
"""


def read(text: str, path: str):
    source = Source.of_bytes(text.encode(), path=path)
    return READER.read(source)[0] if READER.recognises(source) else None


def test_packages_of_a_project_with_lines_and_versions():
    found = read(PROJECT, "app/App.csproj")
    assert found.manifest.runtime == "net8.0"
    assert [(item.name, item.line, item.specifier, item.version, item.group) for item in found.manifest.requirements] == [
        ("Microsoft.ML.OnnxRuntime", 5, "1.18.1", "1.18.1", ""),
        ("NAudio", 6, "2.*", "", ""),
        ("Inner", 7, "3.1.0", "3.1.0", ""),
        ("$(Named)", 10, "", "", "dev"),
    ]  # fmt: skip
    assert not found.gaps[0].matters


def test_older_list_of_packages():
    found = read('<packages><package id="Log" version="2.0.8" /></packages>', "packages.config")
    assert [(item.name, item.version) for item in found.manifest.requirements] == [("Log", "2.0.8")]


def test_other_xml_is_left():
    assert read(PROJECT, "pom.xml") is None


@given(st.text(max_size=300))
def test_any_text_is_read(text):
    read(f"<PackageReference {text}", "a.csproj")

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from keelmark.errors import KeelmarkError
from keelmark.formats import bicep, terraform
from keelmark.formats.source import Source

TF = """
resource "aws_s3_bucket" "b" {
  bucket = "x-${var.y}"
  acl    = "public-read"
  tags   = { a = "1" }
  ingress {
    cidr_blocks = ["0.0.0.0/0", var.x]
  }
  ingress { from_port = 22 }
  policy = <<EOF
{"a": "*"}
EOF
}
data "aws_ami" "u" {}
provider "aws" { region = "eu" }
variable "x" { default = true }
"""


def attributes(resource):
    return {key: value for key, value, _ in resource.attributes}


def test_terraform_blocks_are_flattened():
    (reading,) = terraform.READER.read(Source.of_bytes(TF.encode(), path="main.tf"))
    bucket, ami, provider, variable = reading.resources
    assert (bucket.kind, bucket.name, bucket.line) == ("aws_s3_bucket", "b", 2)
    assert attributes(bucket) == {
        "bucket": "x-${var.y}",
        "acl": "public-read",
        "tags.a": "1",
        "ingress.0.cidr_blocks.0": "0.0.0.0/0",
        "ingress.0.cidr_blocks.1": "var.x",
        "ingress.1.from_port": "22",
        "policy": '{"a": "*"}',
    }
    assert (ami.kind, ami.name) == ("data.aws_ami", "u")
    assert (provider.kind, provider.name) == ("provider", "aws")
    assert attributes(variable) == {"default": "true"}
    assert reading.gaps == ()


def test_values_of_a_variables_file_are_read():
    (reading,) = terraform.READER.read(Source.of_bytes(b'region = "eu"\n', path="x.tfvars"))
    assert attributes(reading.resources[0]) == {"region": "eu"}


def test_broken_terraform_is_a_gap_and_the_rest_is_read():
    (reading,) = terraform.READER.read(
        Source.of_bytes(b'resource "a" "b" { x = 1 }\nresource {{{ \n', path="x.tf")
    )
    assert reading.gaps[0].line >= 1


def test_deep_terraform_ends():
    text = "a = " + "[" * 5000 + "]" * 5000
    (reading,) = terraform.READER.read(Source.of_bytes(text.encode(), path="x.tf"))
    assert reading.resources or reading.gaps


def test_bicep_resources_are_listed():
    text = """
param x string
resource sa 'Microsoft.Storage/storageAccounts@2023-01-01' = {
  name: 'acc'
  properties: {
    allowBlobPublicAccess: true
    rules: [
      'one'
      {
        value: 'two'
      }
    ]
  }
}
module m './net.bicep' = { name: 'm' }
"""
    (reading,) = bicep.READER.read(Source.of_bytes(text.encode(), path="main.bicep"))
    account, module = reading.resources
    assert (account.kind, account.name, account.line) == ("Microsoft.Storage/storageAccounts", "sa", 3)
    assert attributes(account)["properties.allowBlobPublicAccess"] == "true"
    assert attributes(account)["properties.rules.0"] == "one"
    assert module.kind == "module../net.bicep"
    assert not reading.gaps[0].matters


@given(st.binary(max_size=200))
def test_any_bytes_end_in_a_reading_or_a_named_fault(data):
    for reader, path in ((terraform.READER, "a.tf"), (bicep.READER, "a.bicep")):
        item = Source.of_bytes(data, path=path)
        try:
            if reader.recognises(item):
                reader.read(item)
        except KeelmarkError:
            pass

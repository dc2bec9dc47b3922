# The account encrypts new volumes by default, so nothing is said here; another switch that is off is no matter of it.
resource "aws_ebs_volume" "scratch" {
  availability_zone    = "eu-central-1a"
  size                 = 200
  multi_attach_enabled = false
}

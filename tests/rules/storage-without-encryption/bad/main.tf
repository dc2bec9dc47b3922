resource "aws_db_instance" "features" {
  engine            = "postgres"
  storage_encrypted = false
}

resource "aws_instance" "trainer" {
  ami           = "ami-0abc"
  instance_type = "g5.xlarge"
  root_block_device {
    encrypted = false
  }
}

resource "aws_db_instance" "features" {
  engine            = "postgres"
  storage_encrypted = true
}

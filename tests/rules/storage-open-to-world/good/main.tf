resource "aws_s3_bucket" "training" {
  bucket = "training-data"
}

resource "aws_s3_bucket_public_access_block" "training" {
  bucket                  = aws_s3_bucket.training.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_db_instance" "features" {
  engine              = "postgres"
  publicly_accessible = false
}

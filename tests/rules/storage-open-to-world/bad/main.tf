resource "aws_s3_bucket" "training" {
  bucket = "training-data"
}

resource "aws_s3_bucket_acl" "training" {
  bucket = aws_s3_bucket.training.id
  acl    = "public-read"
}

resource "google_storage_bucket_iam_member" "weights" {
  bucket = "weights"
  role   = "roles/storage.objectViewer"
  member = "allUsers"
}

resource "aws_db_instance" "features" {
  engine              = "postgres"
  publicly_accessible = true
}

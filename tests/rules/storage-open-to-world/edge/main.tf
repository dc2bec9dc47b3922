# The name says public, the access does not; a queue is no store of data.
resource "google_storage_bucket_iam_member" "public_docs_editors" {
  bucket = "public-docs"
  role   = "roles/storage.objectAdmin"
  member = "group:editors@example.org"
}

resource "aws_s3_bucket" "public_models" {
  bucket = "public-models"
  acl    = "private"
}

output "acl" {
  value = "public-read"
}

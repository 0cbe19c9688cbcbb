locals {
  broad = var.warehouse.iam == "broad"
  arn = {
    for service in ["athena", "glue", "redshift"] :
    service => "arn:${var.partition}:${service}:${var.region}:${var.account_id}"
  }
}

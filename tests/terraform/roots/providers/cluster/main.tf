variable "network" {
  type = string
}

resource "aws_eks_cluster" "this" {
  name     = var.network
  role_arn = "arn:aws:iam::123456789012:role/cluster"
}

output "endpoint" {
  value = aws_eks_cluster.this.endpoint
}

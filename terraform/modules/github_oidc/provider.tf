# An account has one provider for GitHub at most: made here, or by somebody else and looked up.
resource "aws_iam_openid_connect_provider" "github" {
  count = var.create_provider ? 1 : 0

  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
  tags           = var.tags
}

data "aws_iam_openid_connect_provider" "github" {
  count = var.create_provider ? 0 : 1

  url = "https://token.actions.githubusercontent.com"
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

# The ARN of one that is made here is put together, so that the first plan tells who gets into the roles; its parts come
# from the resource, so that the roles wait for it.
locals {
  account = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}"

  provider_arn = one(concat(
    [
      for provider in aws_iam_openid_connect_provider.github :
      "${local.account}:oidc-provider/${trimprefix(provider.url, "https://")}"
    ],
    data.aws_iam_openid_connect_provider.github[*].arn,
  ))
}

# Every kind of aws_iam resource and data source that Signet answers, with the habits that real configurations have.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

provider "aws" {
  region = "eu-central-1"
  default_tags {
    tags = { managed = "terraform" }
  }
}

variable "saml_metadata" {
  type = string
}

data "aws_caller_identity" "me" {}

data "aws_iam_session_context" "me" {
  arn = data.aws_caller_identity.me.arn
}

data "aws_iam_policy_document" "read" {
  statement {
    sid       = "Read"
    actions   = ["s3:GetObject", "s3:ListBucket"]
    resources = ["arn:aws:s3:::orders", "arn:aws:s3:::orders/*"]
    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalTag/team"
      values   = ["orders"]
    }
  }
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]
    principals {
      type        = "AWS"
      identifiers = [aws_iam_user.ann.arn]
    }
  }
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.ci.arn]
    }
    condition {
      test     = "StringEquals"
      variable = "issuer.example/ci:aud"
      values   = ["sts.amazonaws.com"]
    }
  }
}

resource "aws_iam_user" "ann" {
  name                 = "ann"
  path                 = "/people/"
  permissions_boundary = aws_iam_policy.boundary.arn
  tags                 = { team = "orders" }
}

resource "aws_iam_user" "ben" {
  name          = "ben"
  force_destroy = true
}

resource "aws_iam_access_key" "ann" {
  user = aws_iam_user.ann.name
}

resource "aws_iam_access_key" "ben" {
  user   = aws_iam_user.ben.name
  status = "Inactive"
}

resource "aws_iam_group" "sales" {
  name = "Sales"
  path = "/people/"
}

resource "aws_iam_group" "support" {
  name = "Support"
}

resource "aws_iam_group_membership" "sales" {
  name  = "sales"
  group = aws_iam_group.sales.name
  users = [aws_iam_user.ann.name, aws_iam_user.ben.name]
}

resource "aws_iam_user_group_membership" "ben" {
  user   = aws_iam_user.ben.name
  groups = [aws_iam_group.support.name]
}

resource "aws_iam_role" "deploy" {
  name                  = "Deploy"
  path                  = "/ci/"
  description           = "Deploys orders"
  assume_role_policy    = data.aws_iam_policy_document.trust.json
  max_session_duration  = 7200
  force_detach_policies = true
  permissions_boundary  = aws_iam_policy.boundary.arn
  tags                  = { team = "orders" }
}

resource "aws_iam_role" "prefixed" {
  name_prefix        = "worker-"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_policy" "read" {
  name        = "ReadOrders"
  path        = "/orders/"
  description = "Reads orders"
  policy      = data.aws_iam_policy_document.read.json
  tags        = { team = "orders" }
}

resource "aws_iam_policy" "boundary" {
  name = "Boundary"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "s3:*", Resource = "*" }]
  })
}

resource "aws_iam_policy" "everywhere" {
  name   = "Everywhere"
  policy = data.aws_iam_policy_document.read.json
}

resource "aws_iam_policy_attachment" "everywhere" {
  name       = "everywhere"
  users      = [aws_iam_user.ben.name]
  roles      = [aws_iam_role.prefixed.name]
  groups     = [aws_iam_group.support.name]
  policy_arn = aws_iam_policy.everywhere.arn
}

resource "aws_iam_user_policy" "ann" {
  name   = "own"
  user   = aws_iam_user.ann.name
  policy = data.aws_iam_policy_document.read.json
}

resource "aws_iam_group_policy" "sales" {
  name_prefix = "own-"
  group       = aws_iam_group.sales.name
  policy      = data.aws_iam_policy_document.read.json
}

resource "aws_iam_role_policy" "deploy" {
  name   = "own"
  role   = aws_iam_role.deploy.id
  policy = data.aws_iam_policy_document.read.json
}

resource "aws_iam_user_policy_attachment" "ann" {
  user       = aws_iam_user.ann.name
  policy_arn = aws_iam_policy.read.arn
}

resource "aws_iam_group_policy_attachment" "sales" {
  group      = aws_iam_group.sales.name
  policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
}

resource "aws_iam_role_policy_attachment" "deploy" {
  role       = aws_iam_role.deploy.name
  policy_arn = aws_iam_policy.read.arn
}

resource "aws_iam_user_policies_exclusive" "ann" {
  user_name    = aws_iam_user.ann.name
  policy_names = [aws_iam_user_policy.ann.name]
}

resource "aws_iam_group_policies_exclusive" "sales" {
  group_name   = aws_iam_group.sales.name
  policy_names = [aws_iam_group_policy.sales.name]
}

resource "aws_iam_role_policies_exclusive" "deploy" {
  role_name    = aws_iam_role.deploy.name
  policy_names = [aws_iam_role_policy.deploy.name]
}

resource "aws_iam_user_policy_attachments_exclusive" "ann" {
  user_name   = aws_iam_user.ann.name
  policy_arns = [aws_iam_user_policy_attachment.ann.policy_arn]
}

resource "aws_iam_group_policy_attachments_exclusive" "sales" {
  group_name  = aws_iam_group.sales.name
  policy_arns = [aws_iam_group_policy_attachment.sales.policy_arn]
}

resource "aws_iam_role_policy_attachments_exclusive" "deploy" {
  role_name   = aws_iam_role.deploy.name
  policy_arns = [aws_iam_role_policy_attachment.deploy.policy_arn]
}

resource "aws_iam_openid_connect_provider" "ci" {
  url             = "https://issuer.example/ci"
  client_id_list  = ["sts.amazonaws.com", "second"]
  thumbprint_list = ["cf23df2207d99a74fbe169e3eba035e633b65d94"]
  tags            = { team = "ci" }
}

resource "aws_iam_saml_provider" "corp" {
  name                   = "Corp"
  saml_metadata_document = var.saml_metadata
  tags                   = { team = "corp" }
}

data "aws_iam_user" "ann" {
  user_name = aws_iam_user.ann.name
}

data "aws_iam_users" "people" {
  path_prefix = "/people/"
  depends_on  = [aws_iam_user.ann]
}

data "aws_iam_group" "sales" {
  group_name = aws_iam_group_membership.sales.group
}

data "aws_iam_role" "deploy" {
  name = aws_iam_role.deploy.name
}

data "aws_iam_roles" "ci" {
  path_prefix = "/ci/"
  name_regex  = "Dep.*"
  depends_on  = [aws_iam_role.deploy]
}

data "aws_iam_policy" "read" {
  arn = aws_iam_policy.read.arn
}

data "aws_iam_policy" "built_in" {
  name = "ReadOnlyAccess"
}

data "aws_iam_access_keys" "ann" {
  user       = aws_iam_user.ann.name
  depends_on = [aws_iam_access_key.ann]
}

data "aws_iam_openid_connect_provider" "ci" {
  url        = "https://issuer.example/ci"
  depends_on = [aws_iam_openid_connect_provider.ci]
}

data "aws_iam_saml_provider" "corp" {
  arn = aws_iam_saml_provider.corp.arn
}

# What a person or a machine brings along, and the settings of the account.

variable "certificate" {
  type = string
}

variable "other_certificate" {
  type = string
}

variable "private_key" {
  type = string
}

variable "public_key" {
  type = string
}

resource "aws_iam_account_alias" "acme" {
  account_alias = "acme-terraform"
}

resource "aws_iam_account_password_policy" "long" {
  minimum_password_length        = 16
  allow_users_to_change_password = true
  password_reuse_prevention      = 5
}

resource "aws_iam_security_token_service_preferences" "v2" {
  global_endpoint_token_version = "v2Token"
}

# Its destruction asks for everything that a user can have.
resource "aws_iam_user" "eve" {
  name          = "eve"
  force_destroy = true
}

resource "aws_iam_user_login_profile" "eve" {
  user            = aws_iam_user.eve.name
  password_length = 24
  depends_on      = [aws_iam_account_password_policy.long]
}

resource "aws_iam_user_ssh_key" "eve" {
  username   = aws_iam_user.eve.name
  encoding   = "PEM"
  public_key = var.public_key
}

resource "aws_iam_signing_certificate" "eve" {
  user_name        = aws_iam_user.eve.name
  certificate_body = var.other_certificate
}

resource "aws_iam_virtual_mfa_device" "eve" {
  virtual_mfa_device_name = "eve"
  path                    = "/phones/"
}

resource "aws_iam_server_certificate" "www" {
  name_prefix      = "www-"
  certificate_body = var.certificate
  private_key      = var.private_key
}

resource "aws_iam_instance_profile" "deploy" {
  name_prefix = "deploy-"
  role        = aws_iam_role.deploy.name
}

resource "aws_iam_user_policy_attachment" "eve" {
  user       = aws_iam_user.eve.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
}

data "aws_iam_instance_profile" "deploy" {
  name = aws_iam_instance_profile.deploy.name
}

data "aws_iam_principal_policy_simulation" "eve" {
  policy_source_arn = aws_iam_user.eve.arn
  action_names      = ["s3:GetObject", "s3:PutObject"]
  resource_arns     = ["arn:aws:s3:::orders/1"]
  depends_on        = [aws_iam_user_policy_attachment.eve]
}

output "seen" {
  value = {
    account  = data.aws_caller_identity.me.account_id
    ann      = data.aws_iam_user.ann.arn
    people   = length(data.aws_iam_users.people.names)
    members  = sort([for user in data.aws_iam_group.sales.users : user.user_name])
    roles    = tolist(data.aws_iam_roles.ci.names)
    keys     = length(data.aws_iam_access_keys.ann.access_keys)
    clients  = length(data.aws_iam_openid_connect_provider.ci.client_id_list)
    document = jsondecode(data.aws_iam_policy.read.policy).Statement[0].Sid
    built_in = data.aws_iam_policy.built_in.arn
    saml     = data.aws_iam_saml_provider.corp.name
    profile  = data.aws_iam_instance_profile.deploy.role_name
    decided  = [for each in data.aws_iam_principal_policy_simulation.eve.results : each.decision]
  }
}

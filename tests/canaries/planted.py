"""A root with a secret in every place a secret can be in, and what to look for afterwards."""

from __future__ import annotations

import json
from pathlib import Path

from buildkit_dagster.terraform.redaction import forms

#: Where it is planted → the secret. Some have what needs escaping.
CANARIES = {
    "sensitive variable": 'canary-variable "q" ${no.code} %{if} \\ é|x',
    "tfvars file": "canary-tfvars-5h2k9",
    "default of a sensitive variable": "canary-default-p07x",
    "variable secret by its name": "canary&named/p@ss+word=31",
    "literal attribute": "canary-literal-77aa",
    "tag": "canary-tag-0b1c2d",
    "environment of a container": "canary-pair-9z8y7x",
    "literal local": "canary-local-kk41<>",
    "heredoc": "-----BEGIN PRIVATE KEY-----\ncanaryHeredocMIIEvQIBADANBg01\ncanaryHeredocAgEAAoIBAQC7vb02\n"
    "-----END PRIVATE KEY-----",
    "sensitive output": "canary-output-e3e4",
    "process environment": "canary-environment-1q2w",
    "address in the environment": "canary-address-3e4r",
}
ENVIRONMENT = {
    "PGPASSWORD": CANARIES["process environment"],
    "WAREHOUSE": f"postgres://loader:{CANARIES['address in the environment']}@db.example/warehouse",
}

ROOT = """
variable "shared" {
  type      = string
  sensitive = true
}

variable "vault" {
  type      = string
  sensitive = true
}

variable "setting" {
  type      = string
  default   = @default of a sensitive variable@
  sensitive = true
}

variable "db_password" {
  type = string

  validation {
    condition     = var.db_password != "" && var.verdict != "validation"
    error_message = "the password ${var.db_password} is not allowed"
  }
}

variable "verdict" {
  type    = string
  default = "good"
}

locals {
  signing_key = @literal local@
  private_key = <<-EOT
  @heredoc@
  EOT
}

module "plain" {
  source   = "./part"
  settings = { text = "nothing" }
}

module "holder" {
  source  = "./part"
  verdict = var.verdict
  key     = local.signing_key

  settings = {
    name    = "holder"
    api_key = @literal attribute@
    tags    = { owner = "data", token = @tag@ }
    address = "postgres://loader:${urlencode(var.db_password)}@db.example/warehouse"
    policy  = jsonencode({ Statement = [{ Note = local.signing_key }] })
    encoded = base64encode("user:${local.signing_key}")
    text    = jsonencode([{ environment = [{ name = "DB_PASSWORD", value = @environment of a container@ }] }])
    pem     = local.private_key
  }

  hidden = [var.shared, var.vault, var.setting]
}

output "address" {
  value = module.holder.settings.address
}

output "session_token" {
  value = module.holder.key
}

output "note" {
  value = { text = jsonencode({ inner = module.holder.key, pem = local.private_key }) }
}

output "hidden" {
  value     = @sensitive output@
  sensitive = true
}
"""

PART = """
variable "settings" {
  type = any
}

variable "verdict" {
  type    = string
  default = "good"
}

variable "key" {
  type    = string
  default = ""
}

variable "hidden" {
  type    = list(string)
  default = []
}

output "settings" {
  value = var.settings
}

output "key" {
  value = var.key
}

resource "terraform_data" "this" {
  input = { settings = var.settings, hidden = var.hidden }

  lifecycle {
    precondition {
      condition     = var.verdict != "precondition"
      error_message = "the key ${var.key} is used up; ${try(var.settings.address, "")}"
    }
  }
}

resource "terraform_data" "keyed" {
  for_each = toset([for key in [var.key] : key if key != ""])
  input    = each.key
}

resource "terraform_data" "run" {
  input = var.verdict

  provisioner "local-exec" {
    command     = "echo $PGPASSWORD $WAREHOUSE $KEY; test -z \\"$KEY\\" || sleep 2; test $VERDICT != provisioner"
    environment = { KEY = var.key, VERDICT = var.verdict }
  }

  lifecycle {
    postcondition {
      condition     = var.verdict != "postcondition" || self.id == ""
      error_message = <<-EOT
        refused by the service:
        { "token": ${jsonencode(var.key)}, "url": "${try(var.settings.address, "")}" }
        ${try(var.settings.pem, "")}
      EOT
    }
  }
}
"""

#: A policy of the user's own that quotes whatever it finds.
QUOTING = """package main

warn contains message if {
    some change in input.resource_changes
    message := sprintf("holds %v", [change.change.after.input])
}
"""

TFVARS = "vault = @tfvars file@\ndb_password = @variable secret by its name@\n"


def plant(folder: Path) -> Path:
    """Write the root, and the policy beside it; its state is local."""
    (folder / "part").mkdir(parents=True)
    (folder / "policies").mkdir()
    (folder / "policies" / "quote.rego").write_text(QUOTING)
    (folder / "main.tf").write_text(_filled(ROOT))
    (folder / "part" / "main.tf").write_text(PART)
    (folder / "terraform.tfvars").write_text(_filled(TFVARS))
    return folder


def variables(verdict: str) -> dict[str, str]:
    return {"shared": CANARIES["sensitive variable"], "verdict": verdict}


def found_in(data: bytes) -> list[str]:
    """Which canaries are in these bytes, in any form: with the place where each was planted."""
    return [f"{place}: {form!r}" for place, secret in CANARIES.items() for form in _needles(secret) if form in data]


def found_in_files(folder: Path) -> list[str]:
    """The same for every file below a folder, by its name."""
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    return [f"{file.relative_to(folder)}: {found}" for file in files for found in found_in(file.read_bytes())]


def _needles(secret: str) -> list[bytes]:
    """Its forms, and each line of a secret of many; what stands around a key is in every key."""
    lines = [line for line in secret.splitlines() if not line.startswith("---")]
    return sorted({form.encode() for line in lines for form in forms(line)} | {f.encode() for f in forms(secret)})


def _filled(text: str) -> str:
    for place, secret in CANARIES.items():
        literal = json.dumps(secret, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")
        text = text.replace(f"@{place}@", secret.replace("\n", "\n  ") if place == "heredoc" else literal)
    return text

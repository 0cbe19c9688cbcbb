variable "name" {
  description = "The job the key is for, as the console shows it."
  type        = string
  nullable    = false
}

variable "account_id" {
  description = "Account of the key and of the log group."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id is the account's 12 digits."
  }
}

variable "log_group_name" {
  description = "The one log group whose lines CloudWatch Logs may encrypt with the key."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_/.#-]{1,512}$", var.log_group_name))
    error_message = "A log group's name has 1 to 512 letters, digits and any of _ / . # -."
  }
}

variable "deletion_window_days" {
  description = "Days between the end of the key and that of everything encrypted with it."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.deletion_window_days >= 7 && var.deletion_window_days <= 30
    error_message = "KMS waits 7 to 30 days."
  }
}

variable "tags" {
  description = "Tags of the key, over the provider's default tags."
  type        = map(string)
  default     = {}
  nullable    = false
}

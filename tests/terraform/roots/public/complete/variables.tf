variable "zones" {
  description = "How many zones, at most three"
  type        = number
  default     = 2

  validation {
    condition     = var.zones > 0 && var.zones <= 3
    error_message = "1, 2 or 3, not ${var.zones}."
  }
}

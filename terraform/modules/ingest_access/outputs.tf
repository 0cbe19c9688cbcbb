output "statements" {
  description = "Statements for the job's role; none where it is given nothing."
  value       = local.statements
}

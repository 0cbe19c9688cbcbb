resource "terraform_data" "this" {
  input = "part"
}

output "id" {
  value = terraform_data.this.id
}

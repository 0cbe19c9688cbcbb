resource "terraform_data" "loose" {
  input = "loose"
}

resource "terraform_data" "imported" {
}

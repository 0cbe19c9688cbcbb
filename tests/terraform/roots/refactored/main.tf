# Before: what the names were when this root was first applied. `after/` is what its authors made of it.
resource "terraform_data" "loose" {
  input = "loose"
}

resource "terraform_data" "forgotten" {
  input = "forgotten"
}

resource "terraform_data" "many" {
  count = 2
  input = "many-${count.index}"
}

module "old" {
  source = "./part"
}

mock_provider "aws" {}

variables {
  name = "example"
}

run "tags_are_immutable_and_pushes_are_scanned" {
  command = plan

  assert {
    condition = (
      aws_ecr_repository.this.image_tag_mutability == "IMMUTABLE"
      && aws_ecr_repository.this.image_scanning_configuration[0].scan_on_push
      && !aws_ecr_repository.this.force_delete
    )
    error_message = "A tag names one content for good."
  }
}

run "the_newest_tagged_images_stay_and_untagged_ones_expire" {
  command = plan

  variables {
    tagged_count  = 10
    untagged_days = 3
  }

  assert {
    condition = [
      for rule in jsondecode(aws_ecr_lifecycle_policy.this.policy).rules :
      "${rule.selection.tagStatus} ${rule.selection.countType} ${rule.selection.countNumber}"
    ] == ["untagged sinceImagePushed 3", "tagged imageCountMoreThan 10"]
    error_message = "Untagged by age, tagged by number."
  }
}

run "an_image_in_use_is_taken_out_of_what_expires" {
  command = plan

  variables {
    tags_in_use = ["3f1c9a20b7de", "3f1c9a20b7de", "0a1b"]
  }

  assert {
    condition = [
      for rule in jsondecode(aws_ecr_lifecycle_policy.this.policy).rules :
      "${rule.rulePriority} ${join(" ", try(rule.selection.tagPatternList, ["untagged"]))}"
    ] == ["1 0a1b", "2 3f1c9a20b7de", "3 untagged", "4 *"]
    error_message = "A rule for each tag in use comes before the rules that expire."
  }
}

run "a_name_ecr_does_not_take_is_refused" {
  command = plan

  variables {
    name = "Example"
  }

  expect_failures = [var.name]
}

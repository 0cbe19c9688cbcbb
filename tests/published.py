"""The configuration examples of the published README, as they stand there; read by tests only."""

BASIC = """\
codebuild:
  - name: basic-project
    active: true
    org: my-org
    repo: my-dbt-repo
    engine: athena
    commands:
      - dbt deps
      - dbt build
    s3_artifacts_bucket: "my-bucket"
"""

SCHEDULED = """\
codebuild:
  - name: scheduled-project
    active: true
    org: my-org
    repo: my-dbt-repo
    engine: redshift
    commands:
      - dbt run --select tag:daily
      - dbt test
    schedule: "cron(0 2 * * ? *)"  # Daily at 2 AM UTC
    timeout: 120
"""

COMPLETE = """\
codebuild:
  - name: complete-project
    active: true
    org: my-org
    repo: my-dbt-repo
    engine: redshift
    commands:
      - dbt run
      - dbt test
      - dbt docs generate
    
    # Scheduling
    schedule: "cron(0 3 * * ? *)"
    timeout: 180
    compute_type: BUILD_GENERAL1_MEDIUM
    
    # Notifications
    slack-notification:
      active: true
      channel: "#data-alerts"
      secret_name: "slack-token"
    
    # Elementary Data
    elementary:
      active: true
      channel: "#elementary-data"
      gitpages: true
    
    # Incident Management
    incident-manager:
      active: true
      impact: 1
      incident-response-plan: "data-response-plan"
    
    # Environment Variables and Secrets
    environment_variables:
      LOG_LEVEL: "INFO"
    secrets_manager_variables:
      - DB_PASSWORD: "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-password"
"""

#: The three in one file.
ALL = BASIC + "".join(text.removeprefix("codebuild:\n") for text in (SCHEDULED, COMPLETE))

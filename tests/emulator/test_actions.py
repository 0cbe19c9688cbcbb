"""API answers: what moto lacks is there and real, what nobody has is refused at once."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from helpers import Boto

from buildkit_dagster.emulator.control import Emulator, EmulatorCallRefused


@pytest.mark.parametrize(
    ("service", "action", "arguments", "message"),
    [
        ("glue", "list_blueprints", {}, "'ListBlueprints' of glue"),
        ("codeconnections", "list_hosts", {}, "'ListHosts' of codeconnections"),
        ("apprunner", "list_services", {}, "no service 'apprunner'"),
        ("lambda", "list_provisioned_concurrency_configs", {"FunctionName": "f"}, "lambda"),
        ("ec2", "describe_fleet_history", {"FleetId": "f", "StartTime": 1}, "'DescribeFleetHistory' of ec2"),
    ],
)
def test_unknown_actions_and_services_are_refused_by_name_with_an_answer_nobody_repeats(
    boto: Boto, service: str, action: str, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError, match=message) as caught:
        getattr(boto(service), action)(**arguments)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_what_moto_would_only_pretend_to_run_is_refused(boto: Boto) -> None:
    calls = [
        lambda: boto("glue").start_job_run(JobName="j"),
        lambda: boto("athena").start_query_execution(QueryString="select 1"),
        lambda: boto("stepfunctions").start_execution(stateMachineArn="arn:aws:states:us-east-1:1:stateMachine:m"),
        lambda: boto("redshift-data").execute_statement(Database="d", Sql="select 1"),
    ]
    for call in calls:
        with pytest.raises(ClientError, match="nothing here would run it"):
            call()


@pytest.mark.parametrize("service", ["codeconnections", "codestar-connections"])
def test_a_connection_is_pending_until_it_is_approved(boto: Boto, emulator: Emulator, service: str) -> None:
    client = boto(service)
    arn = client.create_connection(
        ConnectionName="c" * 32, ProviderType="GitHub", Tags=[{"Key": "owner", "Value": "x" * 300}]
    )["ConnectionArn"]
    assert client.get_connection(ConnectionArn=arn)["Connection"]["ConnectionStatus"] == "PENDING"
    with pytest.raises(EmulatorCallRefused, match=f"no connection 'unknown'; there are: .*{arn}"):
        emulator.approve_connection("unknown")
    emulator.approve_connection(arn)
    client.tag_resource(ResourceArn=arn, Tags=[{"Key": "team", "Value": "data"}])
    client.untag_resource(ResourceArn=arn, TagKeys=["owner"])
    listed = {one["ConnectionArn"]: one for one in client.list_connections()["Connections"]}
    assert listed[arn]["ConnectionStatus"] == "AVAILABLE"
    assert client.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "data"}]
    client.delete_connection(ConnectionArn=arn)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_connection(ConnectionArn=arn)


def test_connections_and_security_group_rules_are_found_by_their_tags(boto: Boto) -> None:
    connections, ec2, tagging = boto("codeconnections"), boto("ec2"), boto("resourcegroupstaggingapi")
    tag = {"Key": "buildkit_unit", "Value": "s/u"}
    arn = connections.create_connection(ConnectionName="found", ProviderType="GitHub", Tags=[tag])["ConnectionArn"]
    group = ec2.create_security_group(GroupName="found", Description="found")["GroupId"]
    rule = ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}],
        TagSpecifications=[{"ResourceType": "security-group-rule", "Tags": [tag]}],
    )["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    wanted = [{"Key": "buildkit_unit", "Values": ["s/u"]}]
    for kind, ending in (("codeconnections:connection", arn), ("ec2:security-group-rule", f"/{rule}")):
        found = tagging.get_resources(TagFilters=wanted, ResourceTypeFilters=[kind])["ResourceTagMappingList"]
        assert [item["ResourceARN"].endswith(ending) for item in found] == [True]
    other = [{"Key": "buildkit_unit", "Values": ["s/other"]}]
    assert tagging.get_resources(TagFilters=other)["ResourceTagMappingList"] == []


def test_glue_and_athena_changes_are_read_back(boto: Boto) -> None:
    glue, athena = boto("glue"), boto("athena")
    glue.create_crawler(Name="c", Role="r", DatabaseName="d", Targets={"S3Targets": [{"Path": "s3://a"}]})
    glue.update_crawler(Name="c", TablePrefix="new_", Schedule="cron(0 1 * * ? *)")
    crawler = glue.get_crawler(Name="c")["Crawler"]
    assert (crawler["TablePrefix"], crawler["Role"], crawler["Version"]) == ("new_", "r", 2)
    given = {"Name": "n", "ConnectionType": "NETWORK", "ConnectionProperties": {}}
    glue.create_connection(ConnectionInput=given, Tags={"a": "b"})
    glue.update_connection(Name="n", ConnectionInput={**given, "Description": "new"})
    assert glue.get_connection(Name="n")["Connection"]["Description"] == "new"
    glue.create_job(Name="j", Role="r", Command={"Name": "glueetl"})
    assert glue.batch_stop_job_run(JobName="j", JobRunIds=["x"])["Errors"][0]["ErrorDetail"]["ErrorMessage"]
    athena.create_work_group(
        Name="w",
        Configuration={"ResultConfiguration": {"OutputLocation": "s3://a/"}, "BytesScannedCutoffPerQuery": 10**8},
    )
    athena.update_work_group(
        WorkGroup="w",
        Description="new",
        ConfigurationUpdates={
            "RemoveBytesScannedCutoffPerQuery": True,
            "ResultConfigurationUpdates": {"OutputLocation": "s3://b/"},
        },
    )
    group = athena.get_work_group(WorkGroup="w")["WorkGroup"]
    assert group["Description"] == "new"
    assert group["Configuration"]["ResultConfiguration"] == {"OutputLocation": "s3://b/"}
    assert "BytesScannedCutoffPerQuery" not in group["Configuration"]


def test_state_machines_are_validated_and_their_versions_listed(boto: Boto) -> None:
    states = boto("stepfunctions")
    good = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    bad = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "C": {"Type": "Walk"}}})
    assert states.validate_state_machine_definition(definition=good)["result"] == "OK"
    found = states.validate_state_machine_definition(definition=bad)
    assert [one["location"] for one in found["diagnostics"]] == ["/States/A", "/States/C/Type"]
    role = "arn:aws:iam::123456789012:role/r"
    arn = states.create_state_machine(name="m", definition=good, roleArn=role, publish=True)["stateMachineArn"]
    states.update_state_machine(stateMachineArn=arn, definition=good, publish=True)
    versions = states.list_state_machine_versions(stateMachineArn=arn)["stateMachineVersions"]
    assert [one["stateMachineVersionArn"] for one in versions] == [f"{arn}:2", f"{arn}:1"]


def test_a_secrets_policy_for_everybody_does_not_pass(boto: Boto) -> None:
    statement = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    verdicts = {
        principal: boto("secretsmanager").validate_resource_policy(
            ResourcePolicy=json.dumps({"Statement": [{**statement, "Principal": {"AWS": principal}}]})
        )["PolicyValidationPassed"]
        for principal in ("*", "arn:aws:iam::123456789012:root")
    }
    assert verdicts == {"*": False, "arn:aws:iam::123456789012:root": True}


def test_object_events_have_a_growing_sequencer_a_version_and_ids_of_their_own(boto: Boto) -> None:
    s3, sqs, events = boto("s3"), boto("sqs"), boto("events")
    queues = [sqs.create_queue(QueueName=f"events-{way}")["QueueUrl"] for way in ("direct", "bus")]
    direct, bus = (
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"] for url in queues
    )
    s3.create_bucket(Bucket="evented")
    s3.put_bucket_versioning(Bucket="evented", VersioningConfiguration={"Status": "Enabled"})
    events.put_rule(Name="evented", EventPattern=json.dumps({"source": ["aws.s3"]}))
    events.put_targets(Rule="evented", Targets=[{"Id": "1", "Arn": bus}])
    s3.put_bucket_notification_configuration(
        Bucket="evented",
        NotificationConfiguration={
            "QueueConfigurations": [{"QueueArn": direct, "Events": ["s3:ObjectCreated:*"]}],
            "EventBridgeConfiguration": {},
        },
    )
    versions = [s3.put_object(Bucket="evented", Key="a b", Body=b"x")["VersionId"] for _ in range(3)]
    bodies = [_messages(sqs, url) for url in queues]
    objects = [body["Records"][0]["s3"]["object"] for body in bodies[0] if "Records" in body]
    assert [one["versionId"] for one in objects] == versions
    assert objects[0]["key"] == "a+b"
    sequencers = [one["sequencer"] for one in objects]
    assert sequencers == sorted(set(sequencers))
    created = [body for body in bodies[1] if body["detail-type"] == "Object Created"]
    assert len({body["id"] for body in created}) == len(created) == 3
    assert len({body["detail"]["object"]["sequencer"] for body in created}) == 3


def _messages(sqs: Any, url: str) -> list[dict[str, Any]]:
    bodies: list[dict[str, Any]] = []
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        bodies += [json.loads(message["Body"]) for message in found]
        for message in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return bodies


@pytest.mark.parametrize(
    ("principal", "condition", "may"),
    [
        ({"AWS": "arn:aws:iam::123456789012:role/signer"}, {}, True),
        ({"AWS": "arn:aws:iam::123456789012:role/another"}, {}, False),
        ({"AWS": "arn:aws:iam::123456789012:root"}, {}, True),
        ({"AWS": "*"}, {"StringEquals": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/signer"}}, True),
        ({"AWS": "*"}, {"StringEquals": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/another"}}, False),
    ],
)
def test_a_keys_policy_says_who_may_sign(
    boto: Boto, emulator: Emulator, principal: dict[str, str], condition: dict[str, Any], may: bool
) -> None:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "kms:*", "Resource": "*", "Condition": condition}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    key = boto("kms").create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY", Policy=policy)["KeyMetadata"]
    signer = signed_in(boto, emulator, "arn:aws:iam::123456789012:role/signer")
    asked = {"KeyId": key["KeyId"], "Message": b"plan", "SigningAlgorithm": "ECDSA_SHA_256"}
    if not may:
        with pytest.raises(ClientError, match=r"assumed-role/signer/me is not authorized to perform: kms:Sign"):
            signer.sign(**asked)
        return
    signature = signer.sign(**asked)["Signature"]
    assert boto("kms").verify(**asked, Signature=signature)["SignatureValid"]
    assert boto("kms").get_public_key(KeyId=key["KeyId"])["KeyId"] == key["Arn"]
    with pytest.raises(ClientError, match="NotFoundException"):
        boto("kms").get_public_key(KeyId="alias/nobodys")


def signed_in(boto: Boto, emulator: Emulator, role: str) -> Any:
    """A KMS client with the credentials of a role."""
    given = boto("sts").assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
    return boto3.client(
        "kms",
        region_name="us-east-1",
        endpoint_url=emulator.endpoint,
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )

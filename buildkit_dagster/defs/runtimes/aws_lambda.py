"""`runtime: aws_lambda`: a job as a call of the Lambda function that is made for it.

The call itself is `runtimes/aws_lambda.py`'s, following it is `defs/pipes/aws_lambda.py`'s.
"""

from __future__ import annotations

from dagster import PipesClientCompletedInvocation

from buildkit_dagster.defs.runtimes.runtime import IngestRuntime, Load, own_unit, unit_outputs
from buildkit_dagster.runtimes.aws_lambda import FunctionRequest
from buildkit_dagster.runtimes.pace import AWS_INTERVALS
from buildkit_dagster.stacks.registry import pipes_folder


def _run(load: Load) -> PipesClientCompletedInvocation:
    # dagster-aws takes half a second, which no other load needs.
    from buildkit_dagster.defs.pipes.aws_lambda import run_function

    clients = {service: load.aws.client(service) for service in ("lambda", "logs", "s3")}
    [unit] = own_unit(load.job)
    function = unit_outputs(load.platform, load.job, unit, clients["s3"])["function_name"]
    request = FunctionRequest(
        function=function,
        deadline=load.timeout,
        run=load.context.run_id,
        bucket=load.platform.names.bucket("artifacts"),
        folder=pipes_folder(load.job.tenant, load.job.name),
        interval=AWS_INTERVALS[load.platform.config.cloud],
    )
    return run_function(load.context, request, load.extras, clients)


LAMBDA = IngestRuntime("lambda", own_unit, _run)

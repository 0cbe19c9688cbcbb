"""ECS: UpdateClusterSettings, and containers without a memory of their own.

Tasks are in `executors/ecs`.
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ecs.models import EC2ContainerServiceBackend, TaskDefinition
from moto.ecs.responses import EC2ContainerServiceResponse

from buildkit_dagster.emulator.actions import replace


def install() -> None:
    """Add UpdateClusterSettings; let containers of a Fargate task share the task's memory."""
    moto_requirements = EC2ContainerServiceBackend._calculate_task_resource_requirements

    def _calculate_task_resource_requirements(definition: TaskDefinition) -> dict[str, Any]:
        containers = definition.container_definitions
        if definition.memory and not any({"memory", "memoryReservation"} & set(one) for one in containers):
            return {"CPU": 0, "MEMORY": 0, "PORTS": [], "PORTS_UDP": []}
        return moto_requirements(definition)

    replace(EC2ContainerServiceResponse, update_cluster_settings)
    replace(EC2ContainerServiceBackend, staticmethod(_calculate_task_resource_requirements))


def update_cluster_settings(self: EC2ContainerServiceResponse) -> ActionResult:
    """Change the named settings of a cluster; the others stay."""
    cluster = self.ecs_backend._get_cluster(self._get_param("cluster"))
    settings = {one["name"]: one["value"] for one in cluster.settings or []}
    settings |= {one["name"]: one["value"] for one in self._get_param("settings")}
    cluster.settings = [{"name": name, "value": value} for name, value in settings.items()]
    return ActionResult({"cluster": cluster})

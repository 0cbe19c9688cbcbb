"""Answers 400, naming service and action, to everything the emulator does not do.

moto answers 500 to those, and a client that retries server errors (Terraform does, for minutes) hides the reason.
"""

from __future__ import annotations

import json
import logging
from typing import Any
from xml.sax.saxutils import escape

from moto.core.responses import ActionResult, BaseResponse
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from werkzeug.wrappers import Request, Response

from buildkit_dagster.emulator.actions import Refused, replace

_CODE = "NotEmulated"
_LONGEST = 300

_log = logging.getLogger(__name__)


class ServiceNotEmulated(Exception):
    """A request for a service that neither moto nor we have."""

    def __init__(self, host: str) -> None:
        super().__init__(f"The emulator has no service {host.split('.')[0]!r}.")


class Dispatcher(DomainDispatcherApplication):
    """moto's dispatcher; a host that belongs to no service is refused instead of guessed."""

    def get_backend_for_host(self, host: str | None) -> Any:
        backend = super().get_backend_for_host(host)
        if backend is None and host is not None:
            raise ServiceNotEmulated(host)
        return backend

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        try:
            return super().__call__(environ, start_response)
        except ServiceNotEmulated as error:
            return refuse(Request(environ), str(error))(environ, start_response)
        except Exception as error:  # noqa: BLE001 moto's own failures become a refusal, too
            _log.exception("%s failed", environ.get("HTTP_X_AMZ_TARGET") or environ["PATH_INFO"])
            message = f"The emulator failed ({type(error).__name__}: {str(error)[:_LONGEST]}); its log has the details."
            return refuse(Request(environ), message)(environ, start_response)


def install() -> None:
    """Make every service refuse the actions it has no method for."""
    call_action = BaseResponse.call_action

    def _refusing(self: BaseResponse) -> Any:
        try:
            status, headers, body = call_action(self)
        except NotImplementedError as error:
            return self.serialized(ActionResult(Refused(_CODE, _message(self, str(error)))))
        if status == 404 and not body and not self._get_action():
            return self.serialized(ActionResult(Refused(_CODE, _message(self, self.path))))
        return status, headers, body

    _refusing.__name__ = "call_action"
    replace(BaseResponse, _refusing)


def refuse(request: Request, message: str) -> Response:
    """A 400 in JSON or XML, whichever the request's protocol reads."""
    if "X-Amz-Target" in request.headers or "json" in (request.content_type or ""):
        body = json.dumps({"__type": _CODE, "message": message})
        return Response(body, 400, content_type="application/x-amz-json-1.1")
    error = f"<Error><Code>{_CODE}</Code><Message>{escape(message)}</Message></Error>"
    return Response(f"<ErrorResponse>{error}</ErrorResponse>", 400, content_type="application/xml")


def _message(response: BaseResponse, detail: str) -> str:
    action = response._get_action()
    return f"The emulator does not do {action!r} of {response.service_name} ({detail})."

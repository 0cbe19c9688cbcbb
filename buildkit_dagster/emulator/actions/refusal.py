"""Answers 400, naming service and action, to everything the emulator does not do.

moto answers 500 to those, and a client that retries server errors (Terraform does, for minutes) hides the reason.
"""

from __future__ import annotations

import json
import logging
import warnings
from typing import Any
from xml.sax.saxutils import escape

from flask import Flask, request
from moto.core.responses import ActionResult, BaseResponse
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.wrappers import Request, Response

from buildkit_dagster.emulator.actions import Refused, replace

_CODE = "NotEmulated"
_LONGEST = 300

#: What moto answers without doing it, and nobody here does.
_PRETENDED = {
    "athena": ("StartQueryExecution",),
    "batch": ("SubmitJob",),
    "emr": ("RunJobFlow",),
    "emr-serverless": ("StartJobRun",),
    "glue": ("StartCrawler", "StartJobRun"),
    "awslambda": ("InvokeAsync",),
    "rds-data": ("ExecuteStatement",),
    "redshift-data": ("ExecuteStatement",),
    "stepfunctions": ("StartExecution", "StartSyncExecution"),
}

#: Services that speak XML without a form to tell by.
_REST_XML = ("s3", "route53", "cloudfront")

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
    warnings.filterwarnings("ignore", message=r"Exception\(Refused\)", module="moto")

    def _refusing(self: BaseResponse) -> Any:
        try:
            if self._get_action() in _PRETENDED.get(self.service_name or "", ()):
                raise NotImplementedError("nothing here would run it")
            status, headers, body = call_action(self)
        except NotImplementedError as error:
            return self.serialized(ActionResult(Refused(_CODE, _message(self, str(error)))))
        if status == 404 and not body and not self._get_action():
            return self.serialized(ActionResult(Refused(_CODE, _message(self, self.path))))
        return status, headers, body

    _refusing.__name__ = "call_action"
    replace(BaseResponse, _refusing)


def create_app(service: Any) -> Flask:
    """moto's application for a service; a path it does not have is an action we do not do."""
    app = create_backend_app(service)

    def refuse_path(_: HTTPException) -> Response:
        return refuse(request, f"The emulator does not do {request.method} {request.path} of {service}.")

    app.register_error_handler(NotFound, refuse_path)
    app.register_error_handler(MethodNotAllowed, refuse_path)
    return app


def refuse(asked: Request, message: str) -> Response:
    """A 400 in XML or JSON, whichever the request's protocol reads."""
    scope = asked.headers.get("Authorization", "")
    if "form-urlencoded" in (asked.content_type or "") or any(f"/{name}/" in scope for name in _REST_XML):
        error = f"<Error><Code>{_CODE}</Code><Message>{escape(message)}</Message></Error>"
        return Response(f"<ErrorResponse>{error}</ErrorResponse>", 400, content_type="application/xml")
    body = json.dumps({"__type": _CODE, "message": message})
    return Response(body, 400, {"x-amzn-ErrorType": _CODE}, content_type="application/x-amz-json-1.1")


def _message(response: BaseResponse, detail: str) -> str:
    action = response._get_action()
    return f"The emulator does not do {action!r} of {response.service_name} ({detail})."

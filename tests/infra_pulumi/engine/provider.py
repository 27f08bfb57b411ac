# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the provider of AWS: speaks its protocol to the real engine, and never leaves the machine.

It refuses what the provider's schema refuses (`schema`), gives names as the provider gives them, answers what AWS would
have answered (`made_up`), and knows whose account its credentials are for. It makes nothing. A change is an update
unless it touches one of ``REPLACES``, and then it is a replacement, as in the provider's documentation.
"""

import json
import os
import sys
from collections.abc import Mapping
from importlib import metadata
from typing import Any, Final, NoReturn

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc
from pulumi.runtime.rpc import UNKNOWN

from tests.infra_pulumi.engine import schema
from tests.infra_pulumi.engine.engine import ACCOUNT_VARIABLE, DELETED
from tests.infra_pulumi.engine.made_up import Cloud, Properties, made, suffix

NAMED: Final = {"aws:s3/bucket:Bucket": "bucket", "aws:rds/clusterInstance:ClusterInstance": "identifier"}
"""Where a resource's name is not called `name`. The provider makes one up where none is given."""
UNNAMED: Final = ("aws:dynamodb/resourcePolicy:ResourcePolicy",)
REPLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "aws:dynamodb/table:Table": ("name", "hashKey", "rangeKey"),
    "aws:ec2/vpc:Vpc": ("cidrBlock",),
    "aws:kms/key:Key": ("keyUsage", "customerMasterKeySpec"),
    "aws:rds/cluster:Cluster": ("clusterIdentifier", "storageEncrypted", "kmsKeyId", "masterUsername"),
    "aws:s3/bucket:Bucket": ("bucket",),
}
"""Inputs that cannot be changed on what is there, for the resources that hold evidence (documentation of each)."""
VERSIONED: Final = {"aws:ec2/launchTemplate:LaunchTemplate": "latestVersion"}
"""Where every change makes a new version."""
VERSION: Final = metadata.version("pulumi-aws")


class StandIn(provider_pb2_grpc.ResourceProviderServicer):
    """One provider; its region is that of the configuration that came last."""

    def __init__(self) -> None:
        self._cloud = Cloud("", "")

    def Handshake(self, request: Any, context: Any) -> Any:
        """No secrets, assets or references are taken: the engine keeps them to itself."""
        return provider_pb2.ProviderHandshakeResponse()

    def Attach(self, request: Any, context: Any) -> Any:
        """The engine has found us by itself."""
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        """The version that the SDK asks for."""
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetSchema(self, request: Any, context: Any) -> Any:
        """Nobody generates code from it."""
        return provider_pb2.GetSchemaResponse(schema=json.dumps({"name": "aws", "version": VERSION}))

    def Cancel(self, request: Any, context: Any) -> Any:
        """There is nothing under way."""
        return empty_pb2.Empty()

    def CheckConfig(self, request: Any, context: Any) -> Any:
        """Settings of the provider, whose nested ones come as JSON text."""
        given = _read(request.news)
        unpacked = {name: _unpacked(value) for name, value in given.items() if name != "version"}
        return provider_pb2.CheckResponse(inputs=request.news, failures=_failures(schema.PROVIDER, unpacked))

    def DiffConfig(self, request: Any, context: Any) -> Any:
        """Another region is another cloud."""
        return _difference(request, ("region",))

    def Configure(self, request: Any, context: Any) -> Any:
        """Refuse an account that is not on the program's list, as the provider does before it does anything."""
        given = {name: _unpacked(value) for name, value in _read(request.args).items()}
        account = os.environ[ACCOUNT_VARIABLE]
        if not isinstance(given.get("region"), str):
            _refuse(context, "no region is configured: a resource is made without the program's own provider")
        if account not in given.get("allowedAccountIds", [account]):
            _refuse(context, f"AWS account ID not allowed: {account}")
        self._cloud = Cloud(account, given["region"])
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Check(self, request: Any, context: Any) -> Any:
        """Hold the inputs against the schema, and give a name where none is given."""
        given, kind = _read(request.news), _kind(request.urn)
        failures = _failures(kind, given)
        if not failures:
            given = _with_name(kind, request.urn, given)
        return provider_pb2.CheckResponse(inputs=_write(given), failures=failures)

    def Diff(self, request: Any, context: Any) -> Any:
        """What differs between the inputs of then and now."""
        return _difference(request, REPLACES.get(_kind(request.urn), ()))

    def Create(self, request: Any, context: Any) -> Any:
        """What the resource would have become; before it is made, nobody knows what AWS will add."""
        kind, given = _kind(request.urn), _read(request.properties)
        if request.preview:
            later = schema.outputs(kind).keys() - schema.inputs(kind).keys()
            return provider_pb2.CreateResponse(properties=_write({**dict.fromkeys(later, UNKNOWN), **given}))
        own, computed = made(kind, _name(request.urn), given, self._cloud)
        return provider_pb2.CreateResponse(id=own, properties=_write({**given, **computed}))

    def Update(self, request: Any, context: Any) -> Any:
        """The same resource with other inputs; what AWS added stays, but for versions."""
        kind, old = _kind(request.urn), _read(request.olds)
        known = {name: old[name] for name in schema.outputs(kind).keys() - schema.inputs(kind).keys() if name in old}
        if kind in VERSIONED:
            known[VERSIONED[kind]] = UNKNOWN if request.preview else old[VERSIONED[kind]] + 1
        return provider_pb2.UpdateResponse(properties=_write({**known, **_read(request.news)}))

    def Read(self, request: Any, context: Any) -> Any:
        """Everything is as it was left."""
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Delete(self, request: Any, context: Any) -> Any:
        """It is gone, and said to be, so that it can be seen what was asked."""
        print(f"{DELETED}{request.urn}", file=sys.stderr, flush=True)
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Any) -> Any:
        """Answer what the program asks of AWS; a question that is not known is a failure."""
        if request.tok != "aws:index/getAvailabilityZones:getAvailabilityZones":
            return provider_pb2.InvokeResponse(failures=[_failure(request.tok, "the stand-in has no answer")])
        region = self._cloud.region
        zones = [f"{region}{letter}" for letter in "abc"]
        answer = {"id": region, "names": zones, "zoneIds": zones, "groupNames": [region], **_read(request.args)}
        return provider_pb2.InvokeResponse(**{"return": _write(answer)})


def _kind(urn: str) -> str:
    """The type of a resource, from ``urn:pulumi:stack::project::parent$type::name``."""
    return urn.split("::")[2].rpartition("$")[2]


def _name(urn: str) -> str:
    """The program's name for a resource."""
    return urn.rpartition("::")[2]


def _with_name(kind: str, urn: str, given: Properties) -> Properties:
    key = NAMED.get(kind, "name")
    if key not in schema.inputs(kind) or key in given or kind in UNNAMED:
        return given
    name = _name(urn)
    return {**given, key: f"{name}-{suffix(kind, name, 7)}"}


def _failures(kind: str, given: Properties) -> list[Any]:
    try:
        fields = schema.inputs(kind)
    except schema.Unknown as unknown:
        return [_failure("", str(unknown))]
    return [_failure(name, reason) for name, reason in schema.refusals(given, fields)]


def _failure(name: str, reason: str) -> Any:
    return provider_pb2.CheckFailure(property=name, reason=reason)


def _difference(request: Any, replacing: tuple[str, ...]) -> Any:
    old, new = _read(request.old_inputs), _read(request.news)
    changed = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    changes = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
    replaces = [name for name in changed if name in replacing]
    return provider_pb2.DiffResponse(changes=changes, diffs=changed, replaces=replaces)


def _refuse(context: Any, why: str) -> NoReturn:
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, why)
    raise AssertionError("abort raises")


def _unpacked(value: Any) -> Any:
    """A nested setting of the provider; text that is no JSON is the setting itself."""
    try:
        read = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value
    return read if isinstance(read, dict | list | bool) else value


def _read(properties: Any) -> Properties:
    found: Properties = _whole(json_format.MessageToDict(properties))
    return {name: value for name, value in found.items() if not name.startswith("__")}


def _whole(value: Any) -> Any:
    """A value as the provider sees it: on the wire every number is a float, and what is not set may be null."""
    if isinstance(value, dict):
        return {name: _whole(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _write(properties: Mapping[str, Any]) -> Any:
    written = struct_pb2.Struct()
    json_format.ParseDict(dict(properties), written)
    return written

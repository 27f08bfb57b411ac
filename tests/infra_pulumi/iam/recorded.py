# SPDX-License-Identifier: Apache-2.0
"""What programs ask AWS for, noted at botocore's own door, and the permissions that each call needs.

DynamoDB and KMS are answered by whoever botocore finds; S3 from memory, versions and `If-None-Match` included. Which
permissions a call needs is AWS's service authorization reference, and for encrypted data the pages on how DynamoDB and
S3 use KMS: whoever reads needs Decrypt, whoever puts an object GenerateDataKey. No call is judged here.
"""

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from tests.infra_pulumi.iam import documents as the

Context = Mapping[str, str]
Need = tuple[str, str, Context]
"""Action, resource and what AWS knows of the request besides."""


class Call(NamedTuple):
    """One request: ``dynamodb``, ``Query`` and its parameters."""

    service: str
    operation: str
    parameters: Mapping[str, Any]

    @property
    def needs(self) -> list[Need]:
        """Every permission without which AWS would refuse it."""
        return _NEEDS[self.service](self.operation, self.parameters)


class Objects:
    """A bucket with versions, as far as an archive asks one."""

    def __init__(self) -> None:
        self._versions: list[tuple[str, bytes]] = []

    def answer(self, operation: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The response to a call."""
        if operation == "GetObjectLockConfiguration":
            return {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}}
        if operation == "ListObjectVersions":
            found = [(key, str(n)) for n, (key, _) in enumerate(self._versions) if key.startswith(asked["Prefix"])]
            return {
                "Versions": [{"Key": key, "VersionId": n} for key, n in sorted(found, key=lambda one: -int(one[1]))]
            }
        key = asked["Key"]
        held = [data for name, data in self._versions if name == key]
        if operation == "PutObject":
            if held and asked.get("IfNoneMatch") == "*":
                raise ClientError({"Error": {"Code": "PreconditionFailed"}}, operation)
            self._versions.append((key, asked["Body"]))
            return {}
        assert operation == "GetObject", f"s3:{operation} has no answer here yet"
        if "VersionId" in asked:
            return {"Body": io.BytesIO(self._versions[int(asked["VersionId"])][1])}
        if not held:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, operation)
        return {"Body": io.BytesIO(held[-1])}


@contextmanager
def recorded() -> Iterator[list[Call]]:
    """Every call from here on, of every client in this process."""
    calls: list[Call] = []
    objects = Objects()
    passed_on = BaseClient._make_api_call

    def noted(self: Any, operation: str, parameters: dict[str, Any]) -> Any:
        service = self.meta.service_model.service_name
        calls.append(Call(service, operation, parameters))
        return objects.answer(operation, parameters) if service == "s3" else passed_on(self, operation, parameters)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(BaseClient, "_make_api_call", noted)
        yield calls


def _dynamodb(operation: str, asked: Mapping[str, Any]) -> list[Need]:
    statements = [one["Statement"] for one in asked.get("Statements", [asked] if "Statement" in asked else [])]
    assert all(statement.startswith("INSERT INTO ") for statement in statements), "another right for another verb"
    named = {*asked.get("RequestItems", ()), *(statement.split('"')[1] for statement in statements)}
    named |= {asked["TableName"]} if "TableName" in asked else set()
    assert named, f"dynamodb:{operation}: on which table?"
    action = "PartiQLInsert" if statements else operation
    needs: list[Need] = [(f"dynamodb:{action}", the.table(name.removeprefix(f"{the.PREFIX}-")), {}) for name in named]
    if operation in ("CreateTable", "DescribeTable"):
        return needs
    return [*needs, ("kms:Decrypt", the.key("data"), _through("dynamodb"))]


def _s3(operation: str, asked: Mapping[str, Any]) -> list[Need]:
    thing = f"arn:aws:s3:::{asked['Bucket']}"
    if operation == "ListObjectVersions":
        return [("s3:ListBucketVersions", thing, {"s3:prefix": asked["Prefix"]})]
    if operation == "GetObjectLockConfiguration":
        return [("s3:GetBucketObjectLockConfiguration", thing, {})]
    thing += f"/{asked['Key']}"
    if operation == "PutObject":
        mode = asked.get("ObjectLockMode", "")
        put: list[Need] = [("s3:PutObject", thing, {"s3:object-lock-mode": mode})]
        locked: list[Need] = [("s3:PutObjectRetention", thing, {"s3:object-lock-mode": mode})] if mode else []
        return [*put, *locked, ("kms:GenerateDataKey", the.key("data"), _through("s3"))]
    assert operation == "GetObject", f"what does s3:{operation} need?"
    read = ("kms:Decrypt", the.key("data"), _through("s3"))
    if "VersionId" in asked:
        return [("s3:GetObjectVersion", thing, {}), read]
    # Without s3:ListBucket an object that is not there is answered with 403. The request has no prefix.
    return [("s3:GetObject", thing, {}), ("s3:ListBucket", the.BUCKET, {"s3:prefix": ""}), read]


def _kms(operation: str, asked: Mapping[str, Any]) -> list[Need]:
    # Of the two keys a program names the one that signs alone.
    said = {"kms:MessageType": asked.get("MessageType", ""), "kms:SigningAlgorithm": asked.get("SigningAlgorithm", "")}
    return [(f"kms:{operation}", the.key("log"), said)]


def _through(service: str) -> Context:
    return {"kms:ViaService": f"{service}.{the.REGION}.amazonaws.com"}


_NEEDS: Mapping[str, Callable[[str, Mapping[str, Any]], list[Need]]] = {"dynamodb": _dynamodb, "s3": _s3, "kms": _kms}

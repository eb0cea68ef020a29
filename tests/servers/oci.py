"""A registry of container images (OCI distribution-spec), with token authentication as the public ones have it."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable
from typing import Any

from tests.servers.http import HttpRequest, HttpServer, Route, content, status

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def layer(files: dict[str, bytes | str | None]) -> bytes:
    """Return a tar: None makes a folder, a text a symbolic link to it, and ``hard:x`` a hard link."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, what in files.items():
            member = tarfile.TarInfo(name)
            member.mtime = 1_700_000_000
            if what is None:
                member.type = tarfile.DIRTYPE
            elif isinstance(what, str):
                member.type = tarfile.LNKTYPE if what.startswith("hard:") else tarfile.SYMTYPE
                member.linkname = what.removeprefix("hard:")
            else:
                member.size = len(what)
            tar.addfile(member, io.BytesIO(what) if isinstance(what, bytes) else None)
    return raw.getvalue()


def sha(body: bytes) -> str:
    return "sha256:" + hashlib.sha256(body).hexdigest()


class ImageServer(HttpServer):
    """Holds repositories. ``token`` is what must be shown to read, "" lets everybody in."""

    def __init__(self, *, token: str = "", **options: Any) -> None:
        super().__init__(**options)
        self.token = token
        self.routes["/token"] = self._token

    @property
    def host(self) -> str:
        return f"{self.address}:{self.port}"

    def push(
        self,
        name: str,
        tag: str,
        layers: Iterable[bytes],
        *,
        labels: dict[str, str] | None = None,
        pack: Any = gzip.compress,
    ) -> dict[str, Any]:
        """Add an image; return its descriptor, as an index holds it."""
        packed = [pack(one) for one in layers]
        history = [{"created_by": f"RUN step {number}"} for number in range(1, len(packed) + 1)]
        config = json.dumps({"config": {"Labels": labels or {}}, "history": history}).encode()
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.blob(name, config),
            "layers": [{**self.blob(name, one), "mediaType": LAYER} for one in packed],
        }
        return self.manifest(name, tag, manifest)

    def push_index(self, name: str, tag: str, manifests: list[dict[str, Any]]) -> None:
        self.manifest(name, tag, {"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests})

    def manifest(self, name: str, tag: str, manifest: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps(manifest).encode()
        for reference in (tag, sha(body)):
            self.routes[f"/v2/{name}/manifests/{reference}"] = self._guarded(content(body, type=manifest["mediaType"]))
        return {"digest": sha(body), "size": len(body), "mediaType": manifest["mediaType"]}

    def blob(self, name: str, body: bytes) -> dict[str, Any]:
        self.routes[f"/v2/{name}/blobs/{sha(body)}"] = self._guarded(content(body))
        return {"digest": sha(body), "size": len(body), "mediaType": "application/vnd.oci.image.config.v1+json"}

    def _guarded(self, route: Route) -> Route:
        def answer(request: HttpRequest) -> Iterable[bytes | float]:
            if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
                realm = f'Bearer realm="{self.url("/token")}",service="test",scope="repository:x:pull"'
                return status(401, {"WWW-Authenticate": realm})(request)
            return route(request)

        return answer

    def _token(self, request: HttpRequest) -> Iterable[bytes | float]:
        return content(json.dumps({"token": self.token, "expires_in": 300}).encode(), type="application/json")(request)

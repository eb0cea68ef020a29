"""Container images of an OCI registry: their layers, put on top of each other, become one tar."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlencode, urljoin

from packageurl import PackageURL

from scanner import urls
from scanner.errors import FetchError, HttpAnswered, LimitExceeded, SourceRefused
from scanner.fetch import Client, Digest, digest_of
from scanner.limits import Limits, stated
from scanner.packing import jail
from scanner.registries import DOCKER_HUB, IMAGE_PAGES
from scanner.results import Source
from scanner.sources.base import Access, Request, making_sense_of

# distribution-spec, "Pulling manifests" and image-spec, "Media Types".
_INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
_ACCEPT = {"Accept": ", ".join((*_INDEXES, *_MANIFESTS))}
#: Bytes; registries must take manifests of 4 MiB (distribution-spec, "Pushing manifests").
_MOST_MANIFEST = 4_194_304

_DIGEST = re.compile(r"sha(256|512):([0-9a-f]{64,128})")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._\-]{0,127}")
_NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_LINE = re.compile(
    r"(?:\$ +)?(?:sudo +)?(?:docker|podman|nerdctl) (?:image +)?pull +(\S+)"
    r"|FROM +(?:--platform=\S+ +)?(\S+)(?: +AS +\S+)?"
)
_ADVICE = "An image is written as docker://nginx:1.27 or docker://ghcr.io/owner/name@sha256:…"


@dataclass(frozen=True)
class ImageRequest(Request):
    """An image, by a tag or by its digest."""

    kind: ClassVar[str] = "image"

    registry: str  #: host, with its port; "" for the one that is used where none is named
    name: str
    reference: str  #: a tag or a digest
    purl: str | None = None

    def fetch(self, client: Client, folder: Path) -> tuple[Source, Path]:
        server = _Server(client, self.registry, self.name)
        with making_sense_of(client, "The registry"):
            image = _look_up(server, self.reference, client.limits)
        short = image.digest.partition(":")[2][:12]
        label = self.reference if _TAG.fullmatch(self.reference) else short
        top = urls.safe_name(f"{self.name.rpartition('/')[2]}-{label}")
        with tempfile.TemporaryDirectory(prefix=".image-", dir=folder) as scratch:
            names = [server.download(digest, Path(scratch), f"{n}.layer") for n, digest in enumerate(image.layers)]
            packed = jail.run(
                "scanner.packing.layers",
                {"layers": names, "tar": "tar", "top": top},
                Path(scratch),
                limits=client.limits,
                progress=client.tell,
            )
            path = (Path(scratch) / "tar").rename(folder / f"{top}.tar")
        sha256, size = digest_of(path)
        source = Source(
            kind=self.kind,
            asked=self.asked,
            title=f"{self.title} ({short})" if short not in self.title else self.title,
            filename=path.name,
            url=f"{server.base}/manifests/{image.digest}",
            version=label,
            purl=self.purl or _purl(self, image.digest),
            declared_license=image.license,
            sha256=sha256,
            size=size,
            notes=(*image.notes, *_layer_notes(image, packed)),
            layers=image.layers,
        )
        return source, path


@dataclass(frozen=True)
class _Image:
    """What a registry says of an image."""

    digest: str
    layers: tuple[str, ...]  #: digests, the lowest first
    commands: tuple[str, ...]  #: that made the layers; empty where they are not stated
    license: str | None
    notes: tuple[str, ...]


def recognise(text: str, _access: Access) -> Request | None:
    """Return the request for an image: docker://…, oci://…, a pull command, or a page about an image."""
    line = _LINE.fullmatch(text)
    if line:
        return _request(text, line[1] or line[2])
    if text.startswith(("docker://", "oci://", "docker-image://")):
        return _request(text, text.partition("://")[2])
    parts = urls.web_parts(text)
    if parts is None:
        return None
    host = (parts.hostname or "").removeprefix("www.")
    registry = IMAGE_PAGES.get(host)
    names = urls.path_names(parts)
    if registry is None or len(names) < 2:
        return None
    if host == "quay.io":
        return _request(text, f"{registry}/{'/'.join(names[1:3])}") if names[0] == "repository" else None
    tag = parse_qs(parts.query).get("name", [""])[0]
    suffix = f":{tag}" if tag and _TAG.fullmatch(tag) else ""
    if names[0] == "_":
        return _request(text, f"{names[1]}{suffix}")
    if names[0] == "r" and len(names) > 2:
        return _request(text, f"{names[1]}/{names[2]}{suffix}")
    if names[0] == "layers" and len(names) > 3:
        return _request(text, f"{names[1]}/{names[2]}:{names[3]}")
    return None


def of_purl(text: str, purl: PackageURL) -> Request:
    """Return the request for pkg:docker/… or pkg:oci/…?repository_url=…"""
    repository = purl.qualifiers.get("repository_url", "").removeprefix("https://").removeprefix("http://").rstrip("/")
    name = f"{purl.namespace}/{purl.name}" if purl.namespace else purl.name
    if repository and purl.type == "oci":
        name = repository if repository.rpartition("/")[2] == purl.name else f"{repository}/{purl.name}"
    elif repository:
        name = f"{repository}/{name}"
    version = purl.version or purl.qualifiers.get("tag") or ""
    separator = "@" if version.startswith("sha") else ":"
    return _request(text, f"{name}{separator}{version}" if version else name, text)


def _request(text: str, image: str, purl: str | None = None) -> ImageRequest:
    """Read [HOST[:PORT]/]NAME[:TAG][@DIGEST], as docker does: what has a dot, a port or is localhost is a host."""
    name, _, digest = image.partition("@")
    first, slash, rest = name.partition("/")
    registry = ""
    if slash and ("." in first or ":" in first or first == "localhost"):
        registry, name = first.lower(), rest
    name, _, tag = name.partition(":")
    if registry in DOCKER_HUB:
        registry = ""
    if not registry and "/" not in name:
        name = f"library/{name}"
    if not _NAME.fullmatch(name) or (tag and not _TAG.fullmatch(tag)) or (digest and not _DIGEST.fullmatch(digest)):
        raise SourceRefused("This is not the name of an image.", advice=_ADVICE)
    if registry:
        urls.canonical(f"https://{registry}/")
    shown = (f"{registry}/" if registry else "") + name.removeprefix("library/" if not registry else "")
    said = f"digest {digest[:19]}…" if digest else f"tag {tag or 'latest'}"
    title = f"{shown}:{tag or 'latest'}" if not digest else f"{shown}@{digest[:19]}"
    return ImageRequest(
        text, title, f"Container image {shown}, {said}", registry, name, digest or tag or "latest", purl
    )


class _Server:
    """One repository of a registry, with the token that it asks for."""

    def __init__(self, client: Client, registry: str, name: str) -> None:
        self._client = client
        address = client.access.registries.docker if not registry else f"https://{registry}"
        if registry in client.access.plain_registries:
            address = f"http://{registry}"
        self.base = f"{address}/v2/{name}"
        self._name = name
        self._headers: dict[str, str] = {}

    def read(self, path: str, headers: dict[str, str], most: int, expect: Digest | None = None) -> bytes:
        url = f"{self.base}/{path}"
        return self._with_token(
            lambda own: self._client.read(url, headers={**headers, **own}, most=most, expect=expect)
        )

    def json(self, path: str, expect: Digest | None) -> dict[str, Any]:
        return _parsed(self.read(path, _ACCEPT, _MOST_MANIFEST, expect))

    def download(self, digest: str, folder: Path, name: str) -> str:
        url, expect = f"{self.base}/blobs/{digest}", _expect(digest)
        self._with_token(lambda own: self._client.download(url, folder, name=name, headers=own, expect=expect))
        return name

    def _with_token(self, ask: Any) -> Any:
        try:
            return ask(self._headers)
        except HttpAnswered as error:
            if error.status == 404:
                raise FetchError(f"The registry has no image {self._name}, or not with this tag or digest.") from error
            if error.status != 401 or not error.challenge:
                raise
            # Also in the middle of it: tokens last for minutes, and layers may take longer.
            self._headers = self._token(error.challenge)
        try:
            return ask(self._headers)
        except HttpAnswered as error:
            if error.status in (401, 403, 404):
                raise FetchError(f"The registry has no image {self._name}, or keeps it private.") from error
            raise

    def _token(self, challenge: str) -> dict[str, str]:
        """Ask for the token of a stranger (distribution/docs/spec/auth/token.md)."""
        fields = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
        if not challenge.lower().startswith("bearer ") or "realm" not in fields:
            raise FetchError("The registry asks for a user name and password.")
        query = {"service": fields.get("service", ""), "scope": f"repository:{self._name}:pull"}
        realm = urljoin(f"{self.base}/", fields["realm"])
        answer = self._client.json(f"{realm}{'&' if '?' in realm else '?'}{urlencode(query)}")
        token = answer.get("token") or answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]{1,20000}", token):
            raise FetchError("The registry gives out no token to read this image.")
        return {"Authorization": f"Bearer {token}"}


def _look_up(server: _Server, reference: str, limits: Limits) -> _Image:
    manifest, digest, notes = _manifest(server, reference)
    layers = tuple(_checked(layer["digest"]) for layer in manifest["layers"])
    if len(layers) > limits.image_layers:
        raise LimitExceeded(f"The image has more than {stated(limits, 'image_layers')}.")
    config = server.json(f"blobs/{_checked(manifest['config']['digest'])}", _expect(manifest["config"]["digest"]))
    labels = (config.get("config") or {}).get("Labels") or {}
    steps = [step for step in config.get("history") or [] if not step.get("empty_layer")]
    commands = tuple(" ".join(str(step.get("created_by") or "").split())[:200] for step in steps)
    named = labels.get("org.opencontainers.image.licenses")
    license_ = named[:200] if isinstance(named, str) and named else None
    return _Image(digest, layers, commands if len(commands) == len(layers) else (), license_, notes)


def _manifest(server: _Server, reference: str) -> tuple[dict[str, Any], str, tuple[str, ...]]:
    """Return the manifest of an image, its digest, and what was chosen where there is one for each platform."""
    notes: tuple[str, ...] = ()
    # An index may list another index, though hardly any does.
    for _ in range(3):
        content = server.read(f"manifests/{reference}", _ACCEPT, _MOST_MANIFEST, _expect(reference))
        manifest = _parsed(content)
        if "layers" in manifest:
            stated = _DIGEST.fullmatch(reference)
            return manifest, reference if stated else f"sha256:{hashlib.sha256(content).hexdigest()}", notes
        if "fsLayers" in manifest:
            raise FetchError("The image is kept in a form of before 2017, which is not understood here.")
        chosen = _chosen(manifest["manifests"])
        platform = chosen.get("platform") or {}
        name = "/".join(str(platform[key]) for key in ("os", "architecture", "variant") if platform.get(key))
        notes = (f"The image for {name} was taken.",) if name else ()
        reference = _checked(chosen["digest"])
    raise FetchError("The registry's list of the image's platforms leads nowhere.")


def _chosen(manifests: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the usual platform, else the first that is one (attestations are of an unknown platform)."""

    def preference(manifest: dict[str, Any]) -> tuple[bool, bool]:
        platform = manifest.get("platform") or {}
        usual = (platform.get("os"), platform.get("architecture")) == ("linux", "amd64")
        return not usual, platform.get("os") == "unknown"

    return min(manifests, key=preference)


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise FetchError("The registry answered with something that cannot be understood.")
    return answer


def _checked(digest: Any) -> str:
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise FetchError("The registry answered with something that cannot be understood.")
    return digest


def _expect(reference: Any) -> Digest | None:
    match = _DIGEST.fullmatch(reference) if isinstance(reference, str) else None
    return Digest(f"sha{match[1]}", match[2]) if match else None


def _layer_notes(image: _Image, packed: dict[str, Any]) -> list[str]:
    """Say what each layer brought into the tree, and which command made it."""
    notes = []
    for number, files in enumerate(packed["files"], start=1):
        command = image.commands[number - 1] if image.commands else ""
        made = f", made by: {command}" if command else ""
        count = "1 file" if files == 1 else f"{files:,} files"
        notes.append(f"Layer {number} ({image.layers[number - 1][:19]}) brought {count}{made}")
    if packed["left_out"]:
        notes.append(f"{packed['left_out']:,} links, devices and the like were left out.")
    return notes


def _purl(request: ImageRequest, digest: str) -> str:
    base = request.registry or DOCKER_HUB[0]
    name = request.name.rpartition("/")[2]
    return PackageURL("oci", None, name, digest, {"repository_url": f"{base}/{request.name}"}).to_string()

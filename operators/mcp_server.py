"""Heliochrome for chatbots and agents: tools over the Model Context Protocol.

See https://modelcontextprotocol.io. Over stdio for a program on this machine, over streamable HTTP for
others; either way a client is known by its token, checked at each call. Results say in words that colors are
inferred and how sure they are, show a preview, and link to the master; nothing is ever said of what a picture
shows.

The SDK is the optional extra ``mcp``; it and everything heavy is loaded when a server is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imaging.errors import HeliochromeError, ServiceError

if TYPE_CHECKING:
    from mcp.server import MCPServer
    from mcp.server.auth.provider import AccessToken
    from starlette.applications import Starlette

    from operators.work.mcp_tools import LinkTo
    from operators.work.request_desk import RequestDesk

INSTRUCTIONS = (
    "Restores and colors black-and-white photographs. Colors are inferred by a model and never evidence of "
    "what was there: say so whenever you show them, with the confidence that the tools state. Ask people for "
    "what they know about colors, with its source, and pass it on as hints."
)


def make_server(
    desk: RequestDesk,
    *,
    secret: str | None = None,
    link_to: LinkTo | None = None,
    address: str | None = None,
) -> MCPServer[Any]:
    """Return a server with all tools.

    Parameters
    ----------
    desk
        Where photographs are handed over.
    secret
        The token of the one client, over stdio; `None` to take each call's from its HTTP headers.
    link_to
        Returns addresses of files; by default they are resources of this server.
    address
        Where clients reach the server over HTTP; needed there.

    Raises
    ------
    ServiceError
        The SDK is not installed.
    """
    try:
        from mcp.server import MCPServer
        from mcp.server.auth.settings import AuthSettings
    except ImportError as error:
        remedy = "Install it: pip install 'heliochrome[mcp]'."
        raise ServiceError("MCP", "its SDK is not installed", remedy) from error
    from pydantic import AnyHttpUrl

    from operators.version import software_version
    from operators.work.mcp_tools import Tools, resource_of

    security: dict[str, Any] = {}
    if secret is None:
        url = AnyHttpUrl(address or "http://127.0.0.1")
        security = {
            "token_verifier": _Verifier(desk),
            "auth": AuthSettings(issuer_url=url, resource_server_url=url, validate_token_resource=False),
        }
    server: MCPServer[Any] = MCPServer(
        "heliochrome", instructions=INSTRUCTIONS, version=software_version(), **security
    )
    Tools(desk, secret, link_to or resource_of).add_to(server)
    return server


class _Verifier:
    """Verifies bearer tokens against the catalog."""

    def __init__(self, desk: RequestDesk) -> None:
        self._desk = desk

    async def verify_token(self, token: str) -> AccessToken | None:
        from anyio import to_thread
        from mcp.server.auth.provider import AccessToken

        try:
            found = await to_thread.run_sync(self._desk.client, token)
        except HeliochromeError:
            return None
        return AccessToken(token=token, client_id=found.name, scopes=list(found.scopes))


def serve(server: MCPServer[Any], address: str, *, host: str, port: int) -> None:
    """Serve streamable HTTP until interrupted; requests for other hosts than `address` are refused."""
    import uvicorn

    uvicorn.run(http_app(server, address, host), host=host, port=port, log_level="warning")


def http_app(server: MCPServer[Any], address: str, host: str) -> Starlette:
    """Return the application that serves streamable HTTP at ``/mcp``."""
    from urllib.parse import urlsplit

    from mcp.server.transport_security import TransportSecuritySettings

    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[urlsplit(address).netloc],
        allowed_origins=[address.rstrip("/")],
    )
    return server.streamable_http_app(host=host, transport_security=security)

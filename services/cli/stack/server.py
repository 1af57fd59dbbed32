"""What both servers of the local stack can be told: start, stop, end as a crash would."""

from abc import ABC, abstractmethod
from typing import ClassVar

from services.cli.stack.child import Child, StackError


class Server(ABC):
    """A server that runs as a child process; nothing runs until it is launched."""

    name: ClassVar[str]
    title: ClassVar[str]
    """What people call it."""
    child: Child | None = None

    @abstractmethod
    def launch(self) -> None:
        """Start the process; the data are made if there are none. On the same port each time."""

    @abstractmethod
    def wait_ready(self) -> None:
        """Wait until it serves; on another port if its own was taken in the meantime."""

    def start(self) -> None:
        """Start and wait until it serves; for one that was stopped or killed."""
        self.launch()
        self.wait_ready()

    def stop(self) -> None:
        """Stop it in order."""
        if self.child is not None:
            self.child.stop()

    def kill(self) -> None:
        """End it as a crash would."""
        self.running().kill()

    def running(self) -> Child:
        """Its process; `StackError` when it was never started."""
        if self.child is None:
            message = f"{self.title} has not been started"
            raise StackError(message)
        return self.child

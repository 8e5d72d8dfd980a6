"""The connection to a Ray cluster, and actors in it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from importlib.util import find_spec
from typing import Any

from emoreal_bench.contracts.errors import MissingExtraError, RunError, UsageError
from emoreal_bench.executors.settings import RayOptions

_LOOPBACK = ("127.", "localhost", "[::1]")
_ON_LOOPBACK = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""Ray's switch between one machine, on the loopback interface, and several; read when Ray is
imported. Off Linux its default is 0, which is one machine."""
_CLOSE_SECONDS = 2.0
_ANSWER_SECONDS = 10.0


class ActorLostError(Exception):
    """The process of an actor, or its machine, is gone."""


class ContentLostError(Exception):
    """What a call was to take lay on a machine that is gone."""


def check_installed() -> None:
    """Look whether Ray can be used, without loading it.

    Raises:
        MissingExtraError: If it is not installed.
    """
    if find_spec("ray") is None:
        raise MissingExtraError("The executor ray", "ray")


_OF_RAY = (ConnectionError, RuntimeError, ValueError, OSError)
"""What Ray raises where a cluster cannot be reached or started."""


class Cluster:
    """A Ray cluster: the user's, or one of this machine that lives as long as this object.

    Args:
        options: Which one.
    """

    def __init__(self, options: RayOptions):
        self._address = options.address
        self._ray: Any = None
        self._is_ours = False

    def connect(self) -> None:
        """Connect, or start a cluster on this machine.

        Raises:
            MissingExtraError: If Ray is not installed.
            RunError: If the cluster does not answer, or does not start.
        """
        if self._ray is not None:
            return
        if self._address is None or self._address.startswith(_LOOPBACK):
            os.environ.setdefault(_ON_LOOPBACK, "0")
        check_installed()
        import ray

        if not ray.is_initialized():
            # Ray takes SIGTERM for itself; the run wants to close its log first.
            handler = signal.getsignal(signal.SIGTERM)
            try:
                self._start(ray)
            finally:
                signal.signal(signal.SIGTERM, handler)
            self._is_ours = True
        self._ray = ray

    def _start(self, ray: Any) -> None:
        if self._address is not None and self._address != "auto":
            _check_answers(self._address)
        is_local = self._address is None
        # It tells of its dashboard, which is not part of what is installed.
        logging.getLogger("ray").setLevel(logging.ERROR)
        try:
            ray.init(
                address="local" if is_local else self._address,
                job_config=_importing_nothing_from_here(),
                include_dashboard=False if is_local else None,
                log_to_driver=False,
                configure_logging=False,
                logging_level=logging.ERROR,
            )
        except Exception as error:
            # Ray raises a bare Exception where a process of a local cluster is not up in time;
            # any other kind is a defect, and stays one.
            if type(error) is not Exception and not isinstance(error, _OF_RAY):
                raise
            if self._address is None:
                raise _not_started(error) from error
            raise _unreachable(self._address, error) from error

    def close(self) -> None:
        """Leave the cluster, and end it if it was started here."""
        if self._ray is not None and self._is_ours:
            self._ray.shutdown()
        self._ray, self._is_ours = None, False

    @property
    def machines(self) -> int:
        """How many machines are there."""
        return sum(node["Alive"] for node in self._ray.nodes())

    def resources(self) -> str:
        """Return what the cluster has and what of it is free, in words."""
        has, free = self._ray.cluster_resources(), self._ray.available_resources()
        told = [
            f"{has.get(kind, 0):g} {kind} ({free.get(kind, 0):g} free)" for kind in ("CPU", "GPU")
        ]
        return f"{self.machines} machines with {' and '.join(told)}"

    def start(self, kind: type, *arguments: object, **options: object) -> Actor:
        """Start an actor, which may have to wait for room.

        Args:
            kind: Its class.
            arguments: Of the class.
            options: Resources, as Ray takes them.
        """
        remote = self._ray.remote(kind)
        handle = remote.options(max_restarts=0, max_task_retries=0, **options).remote(*arguments)
        return Actor(self._ray, handle)

    def put(self, content: object) -> Any:
        """Put an array where every machine finds it."""
        return self._ray.put(content)


def _importing_nothing_from_here() -> Any:
    """Return settings of a job that do not put the current folder on the path of its processes.

    Ray puts it first, so that a file ``pydantic.py`` beside the clips of a stranger would be run.
    """
    from ray.job_config import JobConfig

    class OwnPathOnly(JobConfig):
        def _runtime_env_has_working_dir(self) -> bool:
            """Tell Ray that there is a folder of modules, the one case in which it adds none."""
            return True

    return OwnPathOnly()


def _check_answers(address: str) -> None:
    """Look whether anything answers, since Ray itself waits for minutes.

    Raises:
        UsageError: If it is no address of a cluster.
        RunError: If nothing answers.
    """
    host, _, port = address.rpartition(":")
    if "/" in address or not host or not port.isdecimal():
        raise UsageError(
            f"'{address}' is no address of a Ray cluster.",
            where="--address",
            remedy="Give host:port as `ray start --head` printed it, or auto.",
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), _ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise _unreachable(address, error) from error


def _not_started(error: Exception) -> RunError:
    return RunError(
        f"The local Ray cluster did not start: {type(error).__name__}: {error}",
        remedy="Nothing was asked. Give the same command again when the machine has less to do and "
        "memory to spare, or leave out --executor ray. Ray's own logs lie in "
        "/tmp/ray/session_latest/logs.",
    )


def _unreachable(address: str, error: Exception) -> RunError:
    return RunError(
        f"The Ray cluster cannot be reached: {error}",
        where=address,
        remedy="Give the address that `ray start --head` printed. Where it said that token "
        "authentication is enabled, set RAY_AUTH_MODE=token; the token is in ~/.ray/auth_token.",
    )


class Actor:
    """A process somewhere in the cluster.

    Args:
        ray: The library.
        handle: Of the process.
    """

    def __init__(self, ray: Any, handle: Any):
        self._ray = ray
        self._handle = handle
        self._methods: dict[tuple[str, int], Any] = {}

    def begin(self, method: str, *arguments: object, returns: int = 1) -> Any:
        """Call a method, and return where its result will be."""
        found = self._methods.get((method, returns))
        if found is None:
            # Kept: Ray makes a class of its own for each call of options.
            found = getattr(self._handle, method).options(num_returns=returns)
            self._methods[method, returns] = found
        return found.remote(*arguments)

    async def call(self, method: str, *arguments: object) -> Any:
        """Call a method and wait for its result.

        Raises:
            ActorLostError: If the process is gone.
            ContentLostError: If what an argument points to is gone.
        """
        return await self.result(self.begin(method, *arguments))

    async def result(self, reference: Any) -> Any:
        """Wait for a result; the errors are those of :meth:`call`."""
        errors = self._ray.exceptions
        try:
            return await reference
        except errors.RayActorError as error:
            raise ActorLostError(str(error).splitlines()[0]) from error
        except errors.ObjectLostError as error:
            raise ContentLostError(str(error)) from error
        except errors.RayTaskError as error:
            if isinstance(error.cause, errors.ObjectLostError):
                raise ContentLostError(str(error)) from error
            raise

    def kill(self) -> None:
        """End the process at once."""
        self._ray.kill(self._handle)

    async def close(self) -> None:
        """Let the process free what it holds, then end it."""
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self.call("close")
        except (TimeoutError, ActorLostError):
            pass
        finally:
            self.kill()

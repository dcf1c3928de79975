"""Two worker processes, one of which kills itself in the middle of its work; to be run by itself.

Workers are forked before there is any thread, so that nothing is imported three times.
"""

import asyncio
import json
import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

from support.distributed_data import features, table

from sparsereg.dask import DaskLasso


class Deadly:
    """Numbers as they are; after four calls of all workers together whoever makes some is killed, once."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def transform(self, X):
        calls = len([*self.folder.glob("call-*")])
        (self.folder / f"call-{os.getpid()}-{calls}").touch()
        if calls >= 4:
            with suppress(FileExistsError):
                (self.folder / "victim").touch(exist_ok=False)
                os.kill(os.getpid(), signal.SIGKILL)
        return X


def work(address):
    """Be a worker until the scheduler is gone."""
    from distributed import Worker

    async def serve():
        async with Worker(address, nthreads=1, host="127.0.0.1", dashboard=False) as worker:
            await worker.finished()

    asyncio.run(serve())


def forked_workers(address):
    """Start two workers; return their process ids."""
    pids = []
    for _ in range(2):
        pid = os.fork()
        if pid == 0:
            try:
                with Path(os.devnull).open("w") as nowhere:
                    os.dup2(nowhere.fileno(), 2)
                    work(address)
            finally:
                os._exit(0)
        pids.append(pid)
    return pids


def main(folder, files):
    """Fit with a worker that dies and again without; print what came of it."""
    import distributed

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    pids = forked_workers(f"tcp://127.0.0.1:{port}")
    place, columns, x = features(table())
    try:
        with (
            distributed.LocalCluster(
                n_workers=0, host="127.0.0.1", scheduler_port=port, protocol="tcp://", dashboard_address="127.0.0.1:0"
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            client.wait_for_workers(2, timeout=60)
            deadly = [place, columns, (Deadly(folder), [x])]
            models = [DaskLasso(alpha=0.02, features=deadly, timeout=60.0).fit(files, "y") for _ in range(2)]
            left = len(client.run(os.getpid))
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    samples = [model.reduction_.n_samples for model in models]
    print(json.dumps({"objectives": [model.objective_ for model in models], "samples": samples, "left": left}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])

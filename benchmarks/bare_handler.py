"""The least that an answer of FastAPI costs: one handler, a parameter in its path, a body made.

`python -m benchmarks.bare_handler PORT` serves `/bare/NAME` with the settings of the api's server.
"""

import sys
from typing import Final

import uvicorn
import uvloop
from fastapi import FastAPI

HOST: Final = "127.0.0.1"


def bare() -> FastAPI:
    """An app that says what it was asked for."""
    app = FastAPI(docs_url=None, redoc_url=None)

    @app.get("/bare/{name}")
    async def handler(name: str) -> dict[str, str]:
        return {"name": name}

    return app


async def serve(port: int) -> None:
    """Serve it until the process is ended."""
    config = uvicorn.Config(
        bare(), host=HOST, port=port, log_config=None, access_log=False, server_header=False
    )
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))

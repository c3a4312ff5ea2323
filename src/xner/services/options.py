"""Options of services."""

from __future__ import annotations

from pathlib import Path

from xner.options import Checked, declare, option

KEY_VARIABLE = "OPENAI_API_KEY"
_GROUP = "llm service"


@declare
class ServiceOptions(Checked):
    """Where a service is, and how it is asked."""

    address: str | None = option(
        None,
        "Address of an OpenAI-compatible service, such as http://127.0.0.1:8000/v1.",
        unit="URL",
        group=_GROUP,
        rare=True,
    )
    key_variable: str = option(
        KEY_VARIABLE,
        "Environment variable that holds the key of the service; a local service may need none.",
        unit="NAME",
        group=_GROUP,
        rare=True,
    )
    request_size: int = option(
        20, "Number of sentences per request.", ge=1, unit="N", group=_GROUP, rare=True,
    )  # fmt: skip
    concurrency: int = option(
        8,
        "Maximum number of requests at the same time.",
        ge=1,
        le=256,
        unit="N",
        group=_GROUP,
        rare=True,
    )
    retries: int = option(
        6,
        "Maximum number of further attempts after a failed request. The waits before them are 1, "
        "2, 4, … seconds, or as long as the service asks for.",
        ge=0,
        unit="N",
        group=_GROUP,
        rare=True,
    )
    timeout: float = option(
        120.0,
        "Seconds to wait for an answer.",
        gt=0,
        unit="SECONDS",
        group=_GROUP,
        rare=True,
    )
    cache: Path | None = option(
        None,
        "File that keeps all answers, so that no sentence is paid for twice.",
        unit="FILE",
        default_text="xner/answers.sqlite in $XDG_CACHE_HOME or ~/.cache",
        group=_GROUP,
        rare=True,
    )
    input_price: float = option(
        0.0, "Price of a million input tokens, to report the cost.", ge=0, unit="PRICE",
        group=_GROUP, rare=True,
    )  # fmt: skip
    output_price: float = option(
        0.0, "Price of a million output tokens, to report the cost.", ge=0, unit="PRICE",
        group=_GROUP, rare=True,
    )  # fmt: skip

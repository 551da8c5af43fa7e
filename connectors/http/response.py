"""A whole answer, body included, and how it is decoded."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from pydantic import TypeAdapter, ValidationError

from connectors.decoding import decode
from connectors.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")
#: Reads over a document, whatever it holds.
_SYNTAX = msgspec.json.Decoder(msgspec.Raw)
#: More would not help anybody to find the fault.
_FAULTS_NAMED = 3
_COUNT = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Response:
    """What a service answered; ``headers`` are found in any letter case.

    ``label`` stands for the request in messages. Headers and body stay out of the
    repr, since they may hold tokens. ``is_cut`` tells that there was more than an
    answer may have, so that ``body`` is only its beginning.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    service: str
    label: str
    is_cut: bool = False

    def parse(self, adapter: TypeAdapter[T]) -> T:
        """Validate the body, straight from its bytes.

        What a fast decoder refuses is decoded patiently before it is given up. Raises
        ContractError with the path of what does not fit, never with its value.
        """
        try:
            return adapter.validate_json(self.body)
        except ValidationError as error:
            misfit = error
        try:
            return adapter.validate_json(json.dumps(decode(self.body)))
        except ValidationError as error:
            misfit = error
        except (ValueError, RecursionError):
            pass  # it is no JSON at all, as the first attempt has found
        raise self._misfit(misfit)

    def json(self) -> Any:
        """Decode the body, patiently. Raises ContractError if it is not JSON."""
        try:
            return decode(self.body)
        except (ValueError, RecursionError):
            raise self._broken("is not JSON") from None

    def is_json(self) -> bool:
        """Tell whether the body is one whole JSON document, whatever headers say.

        That is told of each answer, so nothing is built for it where all is well.
        """
        try:
            _SYNTAX.decode(self.body.decode())
        except (ValueError, RecursionError):
            pass
        else:
            return True
        try:
            self.json()
        except ContractError:
            return False
        return True

    def count(self, header: str) -> int | None:
        """Return the number in a header; None for anything else."""
        value = self.headers.get(header, "").strip()
        return int(value) if _COUNT.fullmatch(value) else None

    def _misfit(self, misfit: ValidationError) -> ContractError:
        faults = misfit.errors(
            include_url=False, include_context=False, include_input=False
        )
        named = "; ".join(
            f"{'.'.join(map(_name, fault['loc'])) or 'body'}: {fault['type']}"
            for fault in faults[:_FAULTS_NAMED]
        )
        more = f" and {len(faults) - _FAULTS_NAMED} more"
        return self._broken(
            f"does not have the documented shape ({named}"
            f"{more if len(faults) > _FAULTS_NAMED else ''})"
        )

    def _broken(self, what: str) -> ContractError:
        return ContractError(
            f"The answer of {self.service} to {self.label} {what}.",
            service=self.service,
            status=self.status,
        )


def _name(step: str | int) -> str:
    # A step can be a key that the service made up, so it has to look like a name.
    return str(step) if isinstance(step, int) or step.isidentifier() else "?"

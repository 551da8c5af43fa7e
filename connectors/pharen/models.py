"""What Pharen Hub sends. New fields may appear at any time and are ignored."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict

from connectors.fields import Lenient, Moment, Whole

#: The longest title that Pharen Hub takes.
TITLE_LIMIT = 255


class Model(BaseModel):
    """Base of all wire models: frozen, and silent about the values it refused."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Page(Model):
    """A page; its id is good within the workspace of the key."""

    id: str
    title: str
    content: str = ""
    created_at: Annotated[Moment | None, Lenient] = None


class PageList(Model):
    """One page of the list of pages; ``total`` counts all."""

    data: list[Page]
    total: Whole

"""What the API is asked with: numbers that a database takes, text without NUL, and no field that nobody knows."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from fastapi import Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

LARGEST = 2**31 - 1

Number: TypeAlias = Annotated[int, Path(ge=1, le=LARGEST)]
Id: TypeAlias = Annotated[int, Field(strict=True, ge=1, le=LARGEST)]
Whole: TypeAlias = Annotated[int, Field(strict=True, ge=-LARGEST, le=LARGEST)]
Limit: TypeAlias = Annotated[int, Query(ge=1, le=1000, description="How many at most.")]


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("It holds a NUL character")
    if any("\ud800" <= character <= "\udfff" for character in text):  # JSON can spell half a character
        raise ValueError("It is not valid Unicode text")
    return text


Text: TypeAlias = Annotated[str, AfterValidator(_storable), Field(max_length=1_000_000)]


class Asked(BaseModel):
    """A body; a field that is not known is a typo, and said so."""

    model_config = ConfigDict(extra="forbid")

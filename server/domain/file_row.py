"""A revision's diff as kept: one row a file, found by the two trees and not by the revision."""

from __future__ import annotations

from sqlmodel import Field, UniqueConstraint

from server.domain.base import FileName, Packed, Row, Word
from server.domain.diff import FileDiff, FileStatus


class FileRow(Row, table=True):
    """One file of the diff `base_tree`..`head_tree`; `position` is git's order, from 0."""

    __tablename__ = "files"
    __table_args__ = (UniqueConstraint("base_tree", "head_tree", "position"),)

    base_tree: str
    head_tree: str
    position: int
    path: str = Field(sa_type=FileName)
    old_path: str | None = Field(default=None, sa_type=FileName)
    status: FileStatus = Field(sa_type=Word(FileStatus))
    old_mode: str
    new_mode: str
    old_blob: str
    new_blob: str
    additions: int | None = None
    deletions: int | None = None
    similarity: int | None = None
    text: bytes = Field(sa_type=Packed)

    @classmethod
    def of(cls, base_tree: str, head_tree: str, position: int, file: FileDiff) -> FileRow:
        fields = {name: getattr(file, name) for name in FileDiff.__slots__}
        return cls(base_tree=base_tree, head_tree=head_tree, position=position, **fields)

    @property
    def diff(self) -> FileDiff:
        return FileDiff(**{name: getattr(self, name) for name in FileDiff.__slots__})

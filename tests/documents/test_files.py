"""Which files are read and which are refused: kinds of files, limits, rights, changes (C28 to C30).

What is refused is said with its name, never left out in silence.
"""

import gc
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.documents import files, load
from shared.documents.files import MAX_BYTES, find, read_path
from shared.documents.problems import Place
from tests.documents.writing import RESPONSE, first_response, promising

NOBODY = 65_534


def said(path: Path) -> list[str]:
    return [str(problem) for problem in load(path).problems]


def test_c28_a_file_beyond_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    with file.open("wb") as sparse:
        sparse.truncate(50 * 1024**3)
    assert said(tmp_path) == [f"{file}:1: the file is larger than 4 MiB; split it"]


def test_c28_a_file_as_large_as_the_limit_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(RESPONSE + "#" * (MAX_BYTES - len(RESPONSE)))
    assert load(tmp_path).problems == ()
    (tmp_path / "a.yaml").write_text(RESPONSE + "#" * (MAX_BYTES - len(RESPONSE) + 1))
    assert len(said(tmp_path)) == 1


def test_c28_a_folder_has_so_many_files_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_FILES", 2)
    for name in "ab":
        (tmp_path / f"{name}.yaml").write_text(RESPONSE)
    assert len(find(tmp_path).paths) == 2
    (tmp_path / "c.yaml").write_text(RESPONSE)
    assert said(tmp_path) == [f"{tmp_path}:1: more than 2 files in one folder; split it"]


def test_c28_all_files_together_are_so_large_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_TOTAL", len(RESPONSE))
    (tmp_path / "a.yaml").write_text(RESPONSE + "#")
    assert said(tmp_path) == []
    (tmp_path / "b.yaml").write_text("a: 1\n")
    (first, *_) = said(tmp_path)
    assert first == f"{tmp_path}:1: the files together are larger than 0 MiB; split them"


def test_c29_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.yaml")
    assert said(tmp_path) == [f"{tmp_path / 'a.yaml'}:1: this is a pipe, not a regular file"]
    assert said(tmp_path / "a.yaml") == said(tmp_path)


def test_c29_a_socket_is_no_document(tmp_path: Path) -> None:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "a.yaml"))
    listening.close()
    assert said(tmp_path) == [f"{tmp_path / 'a.yaml'}:1: this is a socket, not a regular file"]


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_c29_a_device_is_no_document(tmp_path: Path, device: str) -> None:
    assert said(Path(device)) == [f"{device}:1: this is a device, not a regular file"]
    (tmp_path / "a.yaml").symlink_to(device)
    assert said(tmp_path) == [f"{tmp_path / 'a.yaml'}:1: this is a device, not a regular file"]


def test_c29_a_link_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to(tmp_path / "gone")
    (tmp_path / "b.yaml").symlink_to("b.yaml")
    first, second = said(tmp_path)
    assert first.startswith(f"{tmp_path / 'a.yaml'}:1: the file cannot be read: No such file")
    assert second.startswith(f"{tmp_path / 'b.yaml'}:1: the file cannot be read: Too many")


def test_c29_a_link_to_a_folder_is_left_out_with_a_warning(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(RESPONSE)
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "link.yaml").symlink_to(tmp_path)
    found = load(tmp_path)
    assert found.problems == ()
    assert [Path(warning.place.file).name for warning in found.warnings] == ["link.yaml", "loop"]


def test_c29_a_folder_that_is_named_like_a_file_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").mkdir()
    (tmp_path / "a.yaml" / "b.yaml").write_text(RESPONSE)
    assert len(find(tmp_path).paths) == 1
    assert load(tmp_path).problems == ()


def test_c29_a_path_through_a_file_or_too_long_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(RESPONSE)
    (through,) = said(tmp_path / "a.yaml" / "b.yaml")
    assert through.endswith("cannot be read: Not a directory")
    (too_long,) = said(tmp_path / ("a" * 300))
    assert too_long.endswith("cannot be read: File name too long")


@pytest.fixture
def without_rights() -> Iterator[Path]:
    """A folder, with the rights of a user to whom nothing belongs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        for locked in folder.iterdir():
            locked.chmod(0o700)


def said_to_nobody(path: Path) -> list[str]:
    if os.geteuid() != 0:
        return said(path)
    os.seteuid(NOBODY)
    try:
        return said(path)
    finally:
        os.seteuid(0)


def test_c29_a_file_without_the_right_to_read_it_is_refused(without_rights: Path) -> None:
    file = without_rights / "a.yaml"
    file.write_text(RESPONSE)
    file.chmod(0)
    assert said_to_nobody(without_rights) == [
        f"{file}:1: the file cannot be read: Permission denied"
    ]


def test_c29_a_folder_without_the_right_to_read_it_is_refused(without_rights: Path) -> None:
    (without_rights / "a.yaml").write_text(RESPONSE)
    (locked := without_rights / "locked").mkdir(mode=0)
    message = f"{locked}:1: the folder cannot be read: Permission denied"
    assert said_to_nobody(without_rights) == [message]
    assert said_to_nobody(locked) == [message]


def test_c30_a_file_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.yaml").write_text(RESPONSE)
    (tmp_path / "b.yaml").write_text(promising(first_response()))
    read = files._bytes  # noqa: SLF001 - between two reads is where a change must come

    def changing(path: Path, start: Place) -> object:
        if path.name == "b.yaml":
            (tmp_path / "a.yaml").write_text(RESPONSE + "# more\n")
            (tmp_path / "c.yaml").write_text("")
        return read(path, start)

    monkeypatch.setattr(files, "_bytes", changing)
    assert said(tmp_path) == [
        f"{tmp_path / 'a.yaml'}:1: the file changed while it was read; try again",
        f"{tmp_path / 'c.yaml'}:1: the file came while the folder was read; try again",
    ]
    monkeypatch.undo()
    (tmp_path / "c.yaml").unlink()
    assert said(tmp_path) == []


def test_c30_a_file_that_goes_while_the_folder_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.yaml").write_text(RESPONSE)
    read = files._bytes  # noqa: SLF001 - as above

    def going(path: Path, start: Place) -> object:
        found = read(path, start)
        path.unlink()
        return found

    monkeypatch.setattr(files, "_bytes", going)
    assert said(tmp_path) == [
        f"{tmp_path / 'a.yaml'}:1: the file changed while it was read; try again"
    ]


def test_a_name_that_is_no_text_is_written_out(tmp_path: Path) -> None:
    file = os.fsencode(tmp_path) + b"/caf\xe9\n.yaml"
    Path(os.fsdecode(file)).write_text("a: 1\n")
    found = read_path(tmp_path)
    assert [source.file for source in found.texts] == [f"{tmp_path}/caf\\udce9\\n.yaml"]
    assert all(problem.isprintable() for problem in said(tmp_path))


def test_a_folder_is_read_in_one_order(tmp_path: Path) -> None:
    for name in ("b.yaml", "a/z.yaml", "a.yaml", "c/a.yml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    names = [str(path.relative_to(tmp_path)) for path in find(tmp_path).paths]
    assert names == ["a/z.yaml", "a.yaml", "b.yaml", "c/a.yml"]


def test_the_collector_is_left_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.yaml").write_text(RESPONSE)
    seen: list[bool] = []
    read = files._bytes  # noqa: SLF001 - as above

    def looking(path: Path, start: Place) -> object:
        seen.append(gc.isenabled())
        return read(path, start)

    monkeypatch.setattr(files, "_bytes", looking)
    assert gc.isenabled()
    load(tmp_path)
    assert gc.isenabled()
    gc.disable()
    try:
        load(tmp_path)
        assert not gc.isenabled()
    finally:
        gc.enable()
    assert seen == [False, False]

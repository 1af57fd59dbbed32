"""Data of a run lie in memory where there is room, and go with what they belong to."""

from pathlib import Path

from services.cli.stack.in_memory import place_in_memory, remove

NONE = 0
MORE_THAN_ANY = 1 << 62


def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A folder of a server, and what stands for memory."""
    home, shared = tmp_path / "kafka", tmp_path / "shared"
    home.mkdir()
    shared.mkdir()
    return home, shared


def test_the_folder_in_memory_is_the_same_until_it_is_removed(tmp_path: Path) -> None:
    home, shared = folders(tmp_path)
    place = place_in_memory(home, shared=shared, room=NONE)
    assert place.parent == shared
    assert place.stat().st_mode & 0o077 == 0
    (place / "data").touch()
    assert place_in_memory(home, shared=shared, room=MORE_THAN_ANY) == place
    remove(home)
    assert not home.exists()
    assert list(shared.iterdir()) == []


def test_without_room_in_memory_data_lie_on_the_disk(tmp_path: Path) -> None:
    home, shared = folders(tmp_path)
    assert place_in_memory(home, shared=shared, room=MORE_THAN_ANY) == home
    assert place_in_memory(home, shared=tmp_path / "none", room=NONE) == home
    assert list(shared.iterdir()) == []


def test_what_a_restarted_machine_forgot_is_made_anew(tmp_path: Path) -> None:
    home, shared = folders(tmp_path)
    first = place_in_memory(home, shared=shared, room=NONE)
    first.rmdir()
    second = place_in_memory(home, shared=shared, room=NONE)
    assert second != first
    assert second.is_dir()

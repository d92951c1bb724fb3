"""Files that no import loads are watched if extra_files name them, and only they."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.functional.live import Live


def test_extra_files_are_watched_also_those_that_do_not_exist_yet(live: Live) -> None:
    live.write("templates/a.html", "a")
    words = ["templates/*.html", "settings.json", "locale/**/*.po", "later/"]
    live.start(*(word for pattern in words for word in ("--extra-file", pattern)))
    live.expect("one")
    # A file that comes with its directory may be found between its creation and its content.
    appeared = "(created|changed)"
    changes = [
        ("templates/a.html", "changed"),
        ("templates/b.html", "created"),
        ("settings.json", "created"),
        ("settings.json", "changed"),
        ("locale/de/main/site.po", appeared),
        ("locale/de/main/site.po", "changed"),
        ("later/any.bin", appeared),
        ("later/deep/other", appeared),
    ]
    for count, (name, kind) in enumerate(changes):
        live.write("templates/ignored.txt", str(count))
        live.write("locale/de/ignored.txt", str(count))
        live.write(name, f"content {count}")
        live.err.wait_for(f"{name} {kind}: restarted")
        live.expect("one", after=name)
    (live.directory / "templates/b.html").unlink()
    live.err.wait_for("templates/b.html deleted: restarted")
    live.expect("one")
    live.finish()
    assert live.restarts == len(changes) + 1

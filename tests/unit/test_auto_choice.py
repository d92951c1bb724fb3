"""What ``auto`` has which part watch, held against tables of mounts as the kernel writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reloader_backends.auto.choice import Choice, Kind
from reloader_core.model import Hint, HintScope, Tree
from reloader_core.mounts import MountTable
from reloader_core.patterns import PathFilter

if TYPE_CHECKING:
    from pathlib import Path

#: Its server does not exist: whoever asks for what is below gets no answer worth having.
NET = "2 1 0:50 / {}/net rw - nfs4 host:/export rw"


def read(tmp_path: Path, *lines: str) -> MountTable:
    path = tmp_path / "mountinfo"
    rows = ("1 0 254:0 / / rw - ext4 /dev/vda rw", *lines)
    path.write_text("".join(f"{line}\n".format(tmp_path) for line in rows))
    return MountTable.read(str(path))


def watched(choice: Choice) -> dict[Kind, set[str]]:
    """What each part watches, if anything; trees by their roots, with a slash."""
    found = {
        kind: set(choice.files_of(kind)) | {f"{tree.root}/" for tree in choice.trees_of(kind)}
        for kind in Kind
    }
    return {kind: paths for kind, paths in found.items() if paths}


def tree(root: Path, *exclude: str) -> Tree:
    return Tree(root=str(root), filter=PathFilter(root=str(root), exclude=exclude))


def files(*paths: Path) -> frozenset[str]:
    return frozenset(map(str, paths))


@pytest.fixture
def net(tmp_path: Path) -> Path:
    """A mount point, and nothing else: links to it lead nowhere."""
    return tmp_path / "net"


def test_while_no_mount_is_remote_no_link_is_followed(tmp_path: Path) -> None:
    choice = Choice(read(tmp_path, "2 1 0:50 / /tmp rw - tmpfs tmpfs rw"))
    assert choice.is_simple
    near = files(tmp_path / "a.py")
    choice.watch(near, frozenset({tree(tmp_path)}))
    assert choice.files_of(Kind.LOCAL) is near
    assert watched(choice) == {Kind.LOCAL: {*near, f"{tmp_path}/"}}


def test_a_file_is_watched_by_the_part_for_its_file_system(tmp_path: Path, net: Path) -> None:
    choice = Choice(read(tmp_path, NET))
    choice.watch(files(tmp_path / "a.py", net / "b.py", tmp_path / "network" / "c.py"), frozenset())
    assert watched(choice) == {
        Kind.LOCAL: {f"{tmp_path}/a.py", f"{tmp_path}/network/c.py"},
        Kind.REMOTE: {f"{net}/b.py"},
    }
    assert [mount.source for mount in choice.remote] == ["host:/export"]
    choice.watch(files(net / "b.py"), frozenset())
    assert watched(choice) == {Kind.REMOTE: {f"{net}/b.py"}}


def test_an_overlay_on_a_remote_file_system_is_remote(tmp_path: Path) -> None:
    over = "3 1 0:51 / {0}/over rw - overlay overlay rw,lowerdir={0}/net/base,upperdir={0}/up"
    choice = Choice(read(tmp_path, NET, over))
    choice.watch(files(tmp_path / "over" / "a.py"), frozenset())
    assert watched(choice) == {Kind.REMOTE: {f"{tmp_path}/over/a.py"}}


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("project", "net/project"),
        ("project", "../{name}/net/project"),
        ("project", "{root}/other"),
        ("project/deep/../linked.py", "{root}/net/x.py"),
    ],
)
def test_a_path_with_a_local_link_to_a_remote_file_system_is_for_both(
    tmp_path: Path, net: Path, link: str, target: str
) -> None:
    (tmp_path / "other").symlink_to(net)
    (tmp_path / link).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / link).symlink_to(target.format(root=tmp_path, name=tmp_path.name))
    path = tmp_path / link if link.endswith(".py") else tmp_path / link / "a.py"
    choice = Choice(read(tmp_path, NET))
    choice.watch(files(path), frozenset())
    assert watched(choice) == {Kind.REMOTE: {str(path)}, Kind.LINKS: {str(path)}}


def test_links_that_lead_round_in_a_circle_are_local(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("two/x")
    (tmp_path / "two").symlink_to("one/y")
    choice = Choice(read(tmp_path, NET))
    choice.watch(files(tmp_path / "one" / "a.py"), frozenset())
    assert watched(choice) == {Kind.LOCAL: {f"{tmp_path}/one/a.py"}}


def test_a_link_that_leads_elsewhere_moves_what_is_behind_it(tmp_path: Path, net: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "here")
    path, other = f"{link}/a.py", str(tmp_path / "b.py")
    choice = Choice(read(tmp_path, NET))
    choice.watch(frozenset({path, other}), frozenset())
    assert watched(choice) == {Kind.LOCAL: {path, other}}
    link.unlink()
    link.symlink_to(net)
    assert choice.review([Hint(path=other)]).is_empty
    assert choice.review([Hint(path=path)]).files == {path}
    assert watched(choice) == {Kind.LOCAL: {other}, Kind.REMOTE: {path}, Kind.LINKS: {path}}
    link.unlink()
    assert choice.review([Hint(path=str(tmp_path / "other"), scope=HintScope.TREE)]).is_empty
    assert choice.review([Hint.everything()]).files == {path}
    assert watched(choice) == {Kind.LOCAL: {path, other}}


def test_a_tree_is_cut_where_a_remote_file_system_is_mounted(tmp_path: Path) -> None:
    root = tmp_path / "[odd] name"
    choice = Choice(
        read(
            tmp_path,
            r"2 1 0:50 / {}/[odd]\040name/net rw - nfs4 host:/export rw",
            r"3 2 0:51 / {}/[odd]\040name/net/inner rw - cifs //host/inner rw",
            r"4 2 0:52 / {}/[odd]\040name/net/local rw - tmpfs tmpfs rw",
            r"5 1 0:53 / {}/[odd]\040name/unwanted/net rw - nfs4 host:/unwanted rw",
        )
    )
    choice.watch(frozenset(), frozenset({tree(root, "unwanted/")}))
    assert watched(choice) == {
        Kind.LOCAL: {f"{root}/"},
        Kind.REMOTE: {f"{root}/net/", f"{root}/net/inner/"},
    }
    (local,) = choice.trees_of(Kind.LOCAL)
    remote = {piece.root: piece for piece in choice.trees_of(Kind.REMOTE)}
    net = str(root / "net")
    for piece, wanted, unwanted in (
        (local, "near", "net"),
        (local, "network", "unwanted"),
        (remote[net], "net/sub", "net/inner"),
        (remote[f"{net}/inner"], "net/inner/sub", "unwanted"),
    ):
        assert piece.filter.wants_directory(f"{root}/{wanted}")
        assert not piece.filter.wants_directory(f"{root}/{unwanted}")
    assert remote[net].filter.wants_file(f"{net}/a.py")
    assert len(choice.remote) == 2


def test_a_cut_is_made_where_the_names_of_a_path_repeat(tmp_path: Path) -> None:
    root = tmp_path / "x"
    inner = f"{root}{root}/net"
    choice = Choice(read(tmp_path, f"2 1 0:50 / {inner} rw - nfs4 host:/export rw"))
    choice.watch(frozenset(), frozenset({tree(root)}))
    (local,) = choice.trees_of(Kind.LOCAL)
    assert not local.filter.wants_directory(inner)
    assert local.filter.wants_directory(f"{root}/net")


def test_the_pieces_of_a_linked_tree_are_spelled_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    choice = Choice(read(tmp_path, NET))
    choice.watch(frozenset(), frozenset({tree(tmp_path / "link")}))
    assert watched(choice) == {
        Kind.LOCAL: {f"{tmp_path}/link/"},
        Kind.REMOTE: {f"{tmp_path}/link/net/"},
    }


def test_a_tree_behind_a_link_to_a_remote_file_system_is_for_both(
    tmp_path: Path, net: Path
) -> None:
    (tmp_path / "templates").symlink_to(net)
    choice = Choice(read(tmp_path, NET))
    choice.watch(frozenset(), frozenset({tree(tmp_path / "templates")}))
    assert watched(choice) == {
        Kind.REMOTE: {f"{tmp_path}/templates/"},
        Kind.LINKS: {f"{tmp_path}/templates"},
    }
    assert choice.is_root(f"{tmp_path}/templates")


def test_what_a_new_mount_hides_is_moved_and_so_is_what_it_gives_free(tmp_path: Path) -> None:
    near, over = str(tmp_path / "a.py"), str(tmp_path / "net" / "b.py")
    (tmp_path / "link").symlink_to("net")
    linked = str(tmp_path / "link" / "c.py")
    inner = tree(tmp_path)
    choice = Choice(read(tmp_path))
    choice.watch(frozenset({near, over, linked}), frozenset({inner}))
    moved = choice.mount(read(tmp_path, NET))
    assert moved.files == {over, linked}
    assert moved.trees == {inner}
    assert moved.pieces == choice.trees_of(Kind.LOCAL) | choice.trees_of(Kind.REMOTE)
    assert watched(choice) == {
        Kind.LOCAL: {near, f"{tmp_path}/"},
        Kind.REMOTE: {over, linked, f"{tmp_path}/net/"},
        Kind.LINKS: {linked},
    }
    assert choice.mount(read(tmp_path, NET)).is_empty
    assert choice.mount(read(tmp_path)).files == {over, linked}
    assert watched(choice) == {Kind.LOCAL: {near, over, linked, f"{tmp_path}/"}}
    assert choice.is_simple


def test_a_mount_that_nothing_watched_leads_over_moves_nothing(tmp_path: Path) -> None:
    choice = Choice(read(tmp_path))
    choice.watch(files(tmp_path / "a.py"), frozenset({tree(tmp_path / "tree", "data/")}))
    elsewhere = "2 1 0:50 / {}/elsewhere rw - tmpfs tmpfs rw"
    unwanted = "3 1 0:51 / {}/tree/data rw - tmpfs tmpfs rw"
    assert choice.mount(read(tmp_path, elsewhere, unwanted)).is_empty


def test_a_local_file_system_that_is_exchanged_moves_what_is_on_it(tmp_path: Path) -> None:
    path = str(tmp_path / "data" / "a.py")
    choice = Choice(read(tmp_path, "2 1 0:50 / {}/data rw - ext4 /dev/vdb rw"))
    choice.watch(frozenset({path}), frozenset())
    moved = choice.mount(read(tmp_path, "2 1 0:51 / {}/data rw - ext4 /dev/vdc rw"))
    assert moved.files == {path}
    assert watched(choice) == {Kind.LOCAL: {path}}


def test_what_is_on_a_mount_that_tells_nothing_is_looked_at(tmp_path: Path) -> None:
    table = read(tmp_path, "2 1 0:50 / {}/data rw - ext4 /dev/vdb rw", NET.replace("2", "3", 1))
    near, deaf, far = (str(tmp_path / name / "a.py") for name in (".", "data", "net"))
    choice = Choice(table)
    choice.watch(frozenset({near, deaf, far}), frozenset({tree(tmp_path)}))
    moved = choice.silence(table.find(deaf))
    assert moved.files == {deaf}
    assert len(moved.trees) == 1
    assert watched(choice) == {
        Kind.LOCAL: {near, f"{tmp_path}/"},
        Kind.DEAF: {deaf, f"{tmp_path}/data/"},
        Kind.REMOTE: {far, f"{tmp_path}/net/"},
    }

"""Where a baseline's code comes from: revisions, archives, trees, and what is said where it cannot be had."""

from __future__ import annotations

import concurrent.futures
import datetime as dt
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_telemetry.benchmark import source
from pytest_telemetry.benchmark.source import (
    Source,
    differs,
    found_in,
    from_archive,
    from_revision,
    from_tree,
    sha256_of,
    unpacked,
    verify,
    write_archive,
)
from pytest_telemetry.model.errors import UnusableInput

FILES = {
    "mine/__init__.py": b"VALUE = 1\n",
    "mine/inner/__init__.py": b"",
    "mine/inner/deep.py": b"from mine import VALUE\n",
    "mine/spaced/plug.py": b"NAME = __name__\n",
    "mine/data/table.bin": bytes(range(256)),
    "mine/data/\u00fcn\u00ef.txt": b"text\n",
    "single.py": b"import mine\n",
}
PACKAGES = ("mine", "single")
NAMES = {name for name in FILES if not name.startswith("single")}
WHEN = "2026-03-04T23:30:00-0500"


def fill(root: Path, files: dict[str, bytes], below: str = "") -> Path:
    for name, content in files.items():
        path = root / below / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def git(root: Path, *arguments: str) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_COMMITTER_DATE": WHEN}
    identity = ("-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "init.defaultBranch=main")
    done = subprocess.run(
        ["git", "-C", str(root), *identity, *arguments], check=True, capture_output=True, env=environment
    )
    return done.stdout.decode().strip()


def commit(root: Path) -> str:
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "-m", "x")
    return git(root, "rev-parse", "HEAD")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with packages at its root, committed once."""
    root = fill(tmp_path / "project", FILES)
    git(root, "init", "-q")
    commit(root)
    return root


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Where zips of revisions are kept; not there to begin with."""
    return tmp_path / "cache" / "below"


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


def imported(path: Path, code: str) -> str:
    """Run *code* in a fresh interpreter that has nothing but *path* to import from."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(path)!r}); {code}"],
        check=True,
        capture_output=True,
    )
    return done.stdout.decode().strip()


def refusal(call: object, *arguments: object) -> str:
    """Return what a call refuses with, which is one line."""
    assert callable(call)
    with pytest.raises(UnusableInput) as caught:
        call(*arguments)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


# Revisions.


def test_a_revision_becomes_a_zip_with_the_packages_at_its_root(project: Path, cache: Path) -> None:
    """Packages, single modules and data files are in it, with the bytes that were committed, and nothing else."""
    fill(project, {"other.py": b"", "docs/mine/x.py": b"", "mine_too/__init__.py": b""})
    revision = commit(project)
    found = from_revision(project, "HEAD", PACKAGES, cache)

    assert contents(found.path) == FILES
    assert found == Source(found.path, revision, dt.date(2026, 3, 5), PACKAGES, sha256_of(FILES))
    assert found.path.parent == cache
    assert revision in found.path.name


def test_the_zip_can_be_imported(project: Path, cache: Path) -> None:
    """Modules, inner packages, packages without __init__ and data are found where Python looks for them."""
    found = from_revision(project, "HEAD", PACKAGES, cache)
    code = (
        "import single, mine.inner.deep, mine.spaced.plug, pkgutil; "
        "print(mine.inner.deep.VALUE, mine.spaced.plug.NAME, len(pkgutil.get_data('mine', 'data/table.bin')))"
    )

    assert imported(found.path, code) == "1 mine.spaced.plug 256"


def test_the_folder_src_is_left_out(tmp_path: Path, cache: Path) -> None:
    """A package below src/ is imported without it, and wins over something of its name at the root."""
    root = fill(tmp_path / "project", FILES, below="src")
    fill(root, {"mine/__init__.py": b"WRONG = 1", "single.py": b"WRONG = 1"})
    git(root, "init", "-q")
    commit(root)
    found = from_revision(root, "HEAD", PACKAGES, cache)

    assert contents(found.path) == FILES == from_tree(root, PACKAGES)


def test_a_folder_wins_over_a_module_of_its_name(tmp_path: Path) -> None:
    """As it does when Python imports."""
    fill(tmp_path, {"mine/__init__.py": b"", "mine.py": b""})

    assert set(from_tree(tmp_path, ["mine"])) == {"mine/__init__.py"}


def test_a_project_may_be_a_folder_of_its_repository(tmp_path: Path, cache: Path) -> None:
    """Packages are looked for below the project, not at the top of the repository, and two do not mix."""
    for name in ("a", "b"):
        fill(tmp_path / "all" / name, {"mine/__init__.py": name.encode()})
    git(tmp_path / "all", "init", "-q")
    commit(tmp_path / "all")
    found = [
        contents(from_revision(tmp_path / "all" / name, "HEAD", ["mine"], cache).path) for name in ("a", "b")
    ]

    assert found == [{"mine/__init__.py": b"a"}, {"mine/__init__.py": b"b"}]
    assert not differs(tmp_path / "all" / "a", "HEAD", ["mine"])


@pytest.mark.parametrize("name", ["v1", "main~1", "HEAD^", "{}", "{:.10}"])
def test_a_revision_has_many_names(project: Path, cache: Path, name: str) -> None:
    """Tags with a message, branches, and hashes, whole or shortened, come to the same commit."""
    revision = git(project, "rev-parse", "HEAD")
    git(project, "tag", "-a", "v1", "-m", "x")
    fill(project, {"mine/__init__.py": b"VALUE = 2\n"})
    commit(project)

    assert from_revision(project, name.format(revision), PACKAGES, cache).revision == revision


def test_contents_are_those_that_git_stores(project: Path, cache: Path) -> None:
    """Neither the attributes of archives nor line ends of a system change them."""
    fill(
        project,
        {
            ".gitattributes": b"*.bin export-ignore\n*.py export-subst text eol=crlf\n",
            "mine/__init__.py": b'ID = "$Format:%H$"\n',
        },
    )
    commit(project)
    found = contents(from_revision(project, "HEAD", PACKAGES, cache).path)

    assert found == FILES | {"mine/__init__.py": b'ID = "$Format:%H$"\n'}


def test_a_revision_is_unpacked_once(project: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time nothing is written."""
    first = from_revision(project, "HEAD", PACKAGES, cache)

    def written(*arguments: object) -> None:
        raise AssertionError("written again")

    monkeypatch.setattr(source, "write_archive", written)

    assert from_revision(project, "main", PACKAGES, cache) == first


def test_a_commit_is_what_its_hash_says(project: Path, cache: Path) -> None:
    """Also where somebody replaced it by another one for people to look at."""
    revision = git(project, "rev-parse", "HEAD")
    fill(project, {"single.py": b"other"})
    git(project, "replace", revision, commit(project))

    assert contents(from_revision(project, revision, PACKAGES, cache).path) == FILES


def test_other_packages_of_a_revision_are_another_zip(project: Path, cache: Path) -> None:
    """Their order does not matter."""
    both = from_revision(project, "HEAD", PACKAGES, cache)
    turned = from_revision(project, "HEAD", PACKAGES[::-1], cache)
    one = from_revision(project, "HEAD", ["single"], cache)

    assert both.path == turned.path != one.path
    assert contents(one.path) == {"single.py": FILES["single.py"]}


def test_a_damaged_zip_of_a_revision_is_made_again(project: Path, cache: Path) -> None:
    """The cache may be cut off or emptied at any time."""
    first = from_revision(project, "HEAD", PACKAGES, cache)
    first.path.write_bytes(first.path.read_bytes()[:-100])

    assert from_revision(project, "HEAD", PACKAGES, cache) == first
    assert contents(first.path) == FILES


def test_many_may_unpack_a_revision_at_once(project: Path, cache: Path) -> None:
    """All get a whole zip, and nothing is left beside it."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(from_revision, project, "HEAD", PACKAGES, cache) for _ in range(16)]
        found = {call.result() for call in calls}

    assert len(found) == 1
    assert [path.name for path in cache.iterdir()] == [found.pop().path.name]


def test_a_zip_that_another_process_has_open_is_used(
    project: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows does not let it be replaced; its contents are the same."""

    def beaten(path: Path, files: dict[str, bytes]) -> None:
        write_archive(path, files)
        raise UnusableInput("in use")

    monkeypatch.setattr(source, "write_archive", beaten)

    assert from_revision(project, "HEAD", PACKAGES, cache).sha256 == sha256_of(FILES)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GIT_DIR", "/nowhere"),
        ("GIT_INDEX_FILE", "/nowhere"),
        ("GIT_WORK_TREE", "/"),
        ("GIT_CONFIG_PARAMETERS", "'x'"),
    ],
)
def test_the_environment_of_a_hook_changes_nothing(
    project: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """What git tells its hooks about another repository is not passed on."""
    monkeypatch.setenv(variable, value)

    assert from_revision(project, "HEAD", PACKAGES, cache).sha256 == sha256_of(FILES)
    assert not differs(project, "HEAD", PACKAGES)


def test_settings_of_the_user_change_nothing(
    project: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signatures in logs, quoted names and converted line ends are for people."""
    for number, (key, value) in enumerate(
        [
            ("log.showSignature", "true"),
            ("core.quotePath", "true"),
            ("core.autocrlf", "true"),
            ("color.ui", "always"),
        ]
    ):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", key)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", value)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "4")

    assert contents(from_revision(project, "HEAD", PACKAGES, cache).path) == FILES
    assert not differs(project, "HEAD", PACKAGES)


def test_what_the_user_ignores_is_ignored(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings that say who the user is are passed on."""
    fill(project, {"mine/notes.orig": b""})
    fill(tmp_path, {"ignore": b"*.orig\n"})
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.excludesFile")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", str(tmp_path / "ignore"))

    assert not differs(project, "HEAD", PACKAGES)


@pytest.mark.parametrize("revision", ["gone", "f" * 40, "HEAD:mine", "HEAD~7"])
def test_a_revision_that_does_not_exist_is_refused(project: Path, cache: Path, revision: str) -> None:
    """Or that is no commit."""
    assert refusal(from_revision, project, revision, PACKAGES, cache) == (
        f"{project}: no commit {revision!r} in this repository; fetch it, or name another revision"
    )
    assert not cache.exists()


@pytest.mark.parametrize("revision", ["", "--all", "-n1", "a\0b", "a\nb", "a\ud800"])
def test_what_cannot_name_a_revision_never_reaches_git(
    project: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, revision: str
) -> None:
    """It might be taken for an option."""
    monkeypatch.setattr(source, "_git", None)

    assert (
        refusal(from_revision, project, revision, PACKAGES, cache)
        == f"{revision!r} cannot be the name of a revision"
    )


def test_a_shallow_clone_is_told_to_fetch(project: Path, cache: Path, tmp_path: Path) -> None:
    """The commit is there, only not here."""
    revision = git(project, "rev-parse", "HEAD")
    commit(project)
    git(tmp_path, "clone", "-q", "--depth=1", project.as_uri(), "shallow")

    assert refusal(from_revision, tmp_path / "shallow", revision, PACKAGES, cache) == (
        f"{tmp_path / 'shallow'}: no commit {revision!r} in this shallow clone; fetch with full depth (git fetch "
        "--unshallow; fetch-depth: 0), or keep an archive of the code beside the baseline"
    )
    assert from_revision(tmp_path / "shallow", "HEAD", PACKAGES, cache).sha256 == sha256_of(FILES)


def test_a_folder_without_repository_is_refused(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the words of git."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    text = refusal(from_revision, tmp_path, "HEAD", PACKAGES, cache)

    assert text.startswith(f"{tmp_path}: no git repository that can be read (fatal: not a git repository")
    assert text.endswith("; keep an archive of the code beside the baseline")


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path, cache: Path) -> None:
    """Likewise."""
    text = refusal(from_revision, tmp_path / "gone", "HEAD", PACKAGES, cache)

    assert text.startswith(
        f"{tmp_path / 'gone'}: no git repository that can be read (fatal: cannot change to "
    )


def test_a_machine_without_git_is_told_so(
    project: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also, that an archive needs none."""
    monkeypatch.setenv("PATH", "")

    assert refusal(from_revision, project, "HEAD", PACKAGES, cache) == (
        "git: No such file or directory; install git, or keep an archive of the code beside the baseline"
    )


def test_a_repository_that_lost_an_object_is_refused(project: Path, cache: Path) -> None:
    """With the object that is missing."""
    blob = git(project, "rev-parse", "HEAD:single.py")
    path = project / ".git" / "objects" / blob[:2] / blob[2:]
    path.chmod(stat.S_IRWXU)
    path.unlink()

    assert refusal(from_revision, project, "HEAD", PACKAGES, cache) == (
        f"{project}: git has lost the object {blob}; fetch again, or restore the repository"
    )


def test_a_command_of_git_that_fails_is_quoted(project: Path, cache: Path) -> None:
    """With the first line of what it says."""
    tree = git(project, "rev-parse", "HEAD^{tree}")
    path = project / ".git" / "objects" / tree[:2] / tree[2:]
    path.chmod(stat.S_IRWXU)
    path.unlink()

    assert refusal(from_revision, project, "HEAD", PACKAGES, cache).startswith(
        f"{project}: git ls-tree failed: fatal: "
    )


def test_a_command_that_fails_without_a_word_is_said_too(
    project: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its exit code."""
    fake = tmp_path / "bin" / "git"
    fill(tmp_path, {"bin/git": b"#!/bin/sh\nexit 3\n"})
    fake.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", str(fake.parent))

    assert "no git repository that can be read (exit code 3)" in refusal(
        from_revision, project, "HEAD", PACKAGES, cache
    )


@pytest.mark.parametrize("name", ["gone", "spaced", "other"])
def test_a_revision_without_the_package_is_refused(project: Path, cache: Path, name: str) -> None:
    """Not there, there without __init__.py, or only in the working tree."""
    fill(project, {"spaced/plug.py": b""})
    revision = commit(project)
    fill(project, {"other/__init__.py": b""})

    assert refusal(from_revision, project, "HEAD", ["mine", name], cache) == (
        f"revision {revision[:12]} of {project}: no package {name!r}; "
        f"expected {name}/__init__.py or {name}.py at the root or below src/"
    )


def test_the_packages_that_a_revision_has_can_be_found(project: Path) -> None:
    """In the order in which they were asked for; neither the working tree nor a folder without __init__.py counts."""
    fill(project, {"spaced/plug.py": b""})
    commit(project)
    fill(project, {"other/__init__.py": b""})

    assert found_in(project, "HEAD", ["single", "other", "spaced", "mine"]) == ("single", "mine")


def test_a_link_in_a_revision_is_refused(project: Path, cache: Path) -> None:
    """An archive would keep its text."""
    (project / "mine" / "link.py").symlink_to("inner/deep.py")
    revision = commit(project)

    assert refusal(from_revision, project, "HEAD", PACKAGES, cache) == (
        f"revision {revision[:12]} of {project}: 'mine/link.py' is a symbolic link; only plain files can be taken "
        "along; replace it by one, or leave it out of the package"
    )
    assert from_revision(project, "HEAD", ["single"], cache).sha256


def test_a_submodule_in_a_revision_is_refused(project: Path, cache: Path) -> None:
    """Its contents are in another repository."""
    git(project, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},mine/sub")
    git(project, "commit", "-q", "-m", "x")

    assert "'mine/sub' is a submodule; only plain files" in refusal(
        from_revision, project, "HEAD", PACKAGES, cache
    )


def test_a_name_that_is_no_text_is_refused(project: Path, cache: Path) -> None:
    """Neither a zip nor a hash could keep it the same everywhere."""
    blob = git(project, "rev-parse", "HEAD:single.py")
    entry = b"100644 blob " + blob.encode() + b"\tmine/\xff.txt\0"
    subprocess.run(["git", "-C", str(project), "update-index", "-z", "--index-info"], input=entry, check=True)
    git(project, "commit", "-q", "-m", "x")

    assert "the file name 'mine/\\udcff.txt' is not UTF-8; rename it" in refusal(
        from_revision, project, "HEAD", PACKAGES, cache
    )


@pytest.mark.parametrize("name", ["../mine", "mine.inner", "-x", "", "mine/inner"])
def test_only_names_of_top_level_packages_are_taken(tmp_path: Path, name: str) -> None:
    """From anywhere."""
    for call in (
        lambda: from_revision(tmp_path, "HEAD", [name], tmp_path),
        lambda: from_archive(tmp_path, [name]),
        lambda: from_tree(tmp_path, [name]),
        lambda: differs(tmp_path, "HEAD", [name]),
    ):
        assert refusal(call) == f"packages: expected the name of a top-level package, not {name!r}"


def test_no_packages_are_refused(tmp_path: Path) -> None:
    """All code would be equal."""
    assert refusal(from_tree, tmp_path, []) == "no packages: name at least one whose code is the baseline"


def test_a_cache_that_cannot_be_written_is_said(project: Path, tmp_path: Path) -> None:
    """Where it should be."""
    fill(tmp_path, {"file": b""})

    assert refusal(from_revision, project, "HEAD", PACKAGES, tmp_path / "file" / "cache") == (
        f"{tmp_path / 'file' / 'cache'}: cannot be made: Not a directory"
    )


def test_a_zip_that_cannot_be_written_is_said(
    project: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody else wrote it."""

    def full(path: Path, files: dict[str, bytes]) -> None:
        raise UnusableInput("no space")

    monkeypatch.setattr(source, "write_archive", full)

    assert refusal(from_revision, project, "HEAD", PACKAGES, cache) == "no space"


# Archives.


def test_an_archive_is_as_good_as_its_revision(project: Path, cache: Path, tmp_path: Path) -> None:
    """Revision, zip of the tree and tree have one hash, which depends neither on what else an archive holds."""
    write_archive(tmp_path / "baseline.zip", from_tree(project, PACKAGES))
    with zipfile.ZipFile(tmp_path / "baseline.zip", "a") as archive:
        archive.writestr("mine-1.0.dist-info/METADATA", b"Name: mine")
        archive.writestr("mine/__pycache__/x.cpython-311.pyc", b"compiled")
    found = from_archive(tmp_path / "baseline.zip", PACKAGES)

    assert found == Source(tmp_path / "baseline.zip", None, None, PACKAGES, sha256_of(FILES))
    assert found.sha256 == from_revision(project, "HEAD", PACKAGES, cache).sha256


def test_a_wheel_is_an_archive(tmp_path: Path) -> None:
    """It is compressed, and has no entries for folders."""
    with zipfile.ZipFile(tmp_path / "mine-1.0-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in FILES.items():
            archive.writestr(name, content)

    assert from_archive(tmp_path / "mine-1.0-py3-none-any.whl", PACKAGES).sha256 == sha256_of(FILES)


def test_the_path_of_an_archive_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code under test may change the directory."""
    write_archive(tmp_path / "baseline.zip", FILES)
    monkeypatch.chdir(tmp_path)

    assert from_archive(Path("baseline.zip"), PACKAGES).path == tmp_path / "baseline.zip"


def test_an_archive_is_the_same_bytes_for_the_same_files(tmp_path: Path) -> None:
    """Whatever the order, the dates and the modes of the files."""
    one = fill(tmp_path / "one", FILES)
    other = fill(tmp_path / "other", dict(reversed(FILES.items())))
    (other / "single.py").chmod(0o700)
    os.utime(other / "single.py", (0, 0))
    write_archive(tmp_path / "one.zip", from_tree(one, PACKAGES))
    write_archive(tmp_path / "other.zip", from_tree(other, PACKAGES[::-1]))

    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "other.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {oct(entry.external_attr >> 16) for entry in archive.infolist()} == {"0o100644", "0o40755"}
        assert archive.namelist() == sorted(archive.namelist())


def test_compiled_files_are_no_code(tmp_path: Path) -> None:
    """They come and go with every import."""
    fill(tmp_path, FILES)
    fill(tmp_path, {"mine/__pycache__/a.txt": b"", "mine/inner/__pycache__/b.pyc": b"", "mine/old.pyc": b""})

    assert from_tree(tmp_path, PACKAGES) == FILES


def test_an_archive_that_is_missing_is_refused(tmp_path: Path) -> None:
    """With its name."""
    assert refusal(from_archive, tmp_path / "baseline.zip", PACKAGES) == (
        f"{tmp_path / 'baseline.zip'}: no such archive; restore it, or make a new baseline"
    )


def test_an_archive_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    """With the words of the system."""
    assert refusal(from_archive, tmp_path, PACKAGES).startswith(f"{tmp_path}: cannot be read: ")


def damaged(content: bytes) -> bytes:
    """Change a byte of a file's content."""
    return content.replace(b"VALUE = 1", b"VALUE = 2")


@pytest.mark.parametrize(
    "change", [lambda _: b"", lambda _: b"no zip", lambda content: content[:-40], damaged]
)
def test_an_archive_that_is_damaged_is_refused(tmp_path: Path, change: object) -> None:
    """Empty, something else, cut off, or changed in the middle."""
    assert callable(change)
    path = tmp_path / "baseline.zip"
    write_archive(path, FILES)
    path.write_bytes(change(path.read_bytes()))

    assert refusal(from_archive, path, PACKAGES).startswith(
        f"{path}: is no zip, or a damaged one; restore it ("
    )


@pytest.mark.parametrize("names", [("theirs/__init__.py",), ("src/mine/__init__.py",), ("mine/deep.py",)])
def test_an_archive_without_the_packages_is_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    """That of another project, or one whose packages are not at its root."""
    path = tmp_path / "baseline.zip"
    write_archive(path, dict.fromkeys(names, b""))

    assert refusal(from_archive, path, ["mine"]) == (
        f"{path}: no package 'mine'; expected mine/__init__.py or mine.py at the root of the archive"
    )


def entry_of(name: str, **fields: object) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    for field, value in fields.items():
        setattr(entry, field, value)
    return entry


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (
            entry_of("mine/x.py", compress_type=zipfile.ZIP_LZMA),
            "is compressed in a way that Python cannot import",
        ),
        (entry_of("mine/x.py", external_attr=stat.S_IFLNK << 16), "is a symbolic link; only plain files"),
        (entry_of("mine/../../x.py"), "leaves the archive; restore it"),
    ],
)
def test_an_entry_that_python_could_not_import_is_refused(
    tmp_path: Path, entry: zipfile.ZipInfo, reason: str
) -> None:
    """Or that would land elsewhere when it is unpacked."""
    path = tmp_path / "baseline.zip"
    write_archive(path, FILES)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(entry, b"x")

    assert refusal(from_archive, path, PACKAGES).startswith(f"{path}: {entry.filename!r} {reason}")


def test_an_archive_with_a_password_is_refused(tmp_path: Path) -> None:
    """Nobody could type it."""
    path = tmp_path / "baseline.zip"
    write_archive(path, {"single.py": b""})
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1  # the flags of its entry in the directory
    path.write_bytes(content)

    assert refusal(from_archive, path, ["single"]) == (
        f"{path}: 'single.py' is encrypted; keep the archive without a password"
    )


# Trees.


def test_a_tree_without_the_package_is_refused(tmp_path: Path) -> None:
    """With both places where it was looked for."""
    assert refusal(from_tree, tmp_path, ["mine"]) == (
        f"{tmp_path}: no package 'mine'; expected mine/__init__.py or mine.py at the root or below src/"
    )


@pytest.mark.parametrize("target", ["inner/deep.py", "inner", "gone"])
def test_a_link_in_a_tree_is_refused(tmp_path: Path, target: str) -> None:
    """To a file, to a folder, or to nothing: as in a revision."""
    fill(tmp_path, FILES)
    (tmp_path / "mine" / "link").symlink_to(target)

    assert refusal(from_tree, tmp_path, PACKAGES).startswith(
        f"{tmp_path / 'mine' / 'link'}: is a symbolic link or "
    )


def test_a_pipe_in_a_tree_is_refused(tmp_path: Path) -> None:
    """Reading it would wait for ever."""
    fill(tmp_path, FILES)
    os.mkfifo(tmp_path / "mine" / "pipe")

    assert "is a symbolic link or no file at all" in refusal(from_tree, tmp_path, PACKAGES)


def test_a_file_that_the_system_does_not_give_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its name and the words of the system."""
    fill(tmp_path, FILES)

    def denied(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_bytes", denied)

    assert (
        refusal(from_tree, tmp_path, ["single"])
        == f"{tmp_path / 'single.py'}: cannot be read: Permission denied"
    )


def test_a_folder_that_the_system_does_not_give_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files must not silently be missing."""
    fill(tmp_path, FILES)

    def denied(path: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", denied)

    assert refusal(from_tree, tmp_path, ["mine"]) == f"{tmp_path / 'mine'}: cannot be read: Permission denied"


def test_an_unchanged_tree_does_not_differ(project: Path) -> None:
    """Neither do other files, compiled ones, ignored ones, dates, or line ends of another system."""
    fill(
        project,
        {"other.py": b"", ".gitignore": b"*.so\n", "mine/fast.so": b"", "mine/__pycache__/a.pyc": b""},
    )
    (project / "single.py").write_bytes(FILES["single.py"].replace(b"\n", b"\r\n"))
    os.utime(project / "mine" / "__init__.py", (0, 0))

    assert not differs(project, "HEAD", PACKAGES)


@pytest.mark.parametrize(
    "change",
    [
        {"single.py": b"import mine \n"},
        {"mine/new.txt": b""},
        {"mine/data/table.bin": bytes(range(256)).replace(b"\r\n", b"\n") + b"\r\n"},
        {"src/mine/__init__.py": b""},
    ],
    ids=["a file", "a new file", "line ends in no text", "another place"],
)
@pytest.mark.parametrize("added", [False, True], ids=["untracked", "added"])
def test_a_changed_tree_differs(project: Path, change: dict[str, bytes], added: bool) -> None:
    """Whether or not git was told of it."""
    fill(project, change)
    if added:
        git(project, "add", "-A")

    assert differs(project, "HEAD", PACKAGES)
    assert differs(project, commit(project) + "^", PACKAGES)
    assert not differs(project, "HEAD", PACKAGES)


def test_a_tree_from_which_a_file_is_gone_differs(project: Path) -> None:
    """Also while git still has it in its index."""
    (project / "mine" / "inner" / "deep.py").unlink()

    assert differs(project, "HEAD", PACKAGES)


def test_a_package_that_was_not_committed_yet_differs(project: Path) -> None:
    """It is not an error: whoever asks wants to know whether the revision will do."""
    fill(project, {"fresh/__init__.py": b""})

    assert differs(project, "HEAD", ["fresh"])


def test_a_package_that_is_gone_from_the_tree_is_refused(project: Path) -> None:
    """There is nothing to compare."""
    shutil.rmtree(project / "mine")

    assert refusal(differs, project, "HEAD", PACKAGES) == (
        f"the working tree {project}: no package 'mine'; "
        "expected mine/__init__.py or mine.py at the root or below src/"
    )


# Hashes.


def test_a_hash_is_the_same_everywhere() -> None:
    """It stands in files that last for years."""
    line_by_line = b"4 2\na.pyx\n1 3\nb\0\r\n"

    assert sha256_of({"b": b"\0\r\n", "a.py": b"x\r\n"}) == hashlib.sha256(line_by_line).hexdigest()


@pytest.mark.parametrize(
    "other",
    [
        {"a": b"x", "b": b""},
        {"a": b"", "b": b"x"},
        {"ab": b"x"},
        {"a": b"\0\r\n"},
        {"a": b"\0\n"},
        {"a": b"b"},
        {},
    ],
)
def test_other_files_have_another_hash(other: dict[str, bytes]) -> None:
    """Names and contents count, and where one ends and the next begins."""
    hashes = {sha256_of(files) for files in ({"a": b"x"}, other)}

    assert len(hashes) == 2


def test_code_of_another_hash_is_refused(tmp_path: Path) -> None:
    """With both hashes, shortened, and what to do."""
    write_archive(tmp_path / "baseline.zip", FILES)
    found = from_archive(tmp_path / "baseline.zip", PACKAGES)
    verify(found, sha256_of(FILES))

    assert refusal(verify, found, "0123456789abcdef" * 4) == (
        f"{found.path}: is not the code of the baseline: sha256 {sha256_of(FILES)[:12]}..., not 0123456789ab...; "
        "restore the archive and the baseline's file, or make a new baseline with --update and a reason"
    )


# Unpacked.


def test_an_archive_can_be_unpacked(tmp_path: Path, cache: Path) -> None:
    """The folder is the same source, and can be imported; compiled files in it do not count."""
    write_archive(tmp_path / "baseline.zip", FILES)
    packed = from_archive(tmp_path / "baseline.zip", PACKAGES)
    first = unpacked(packed, cache)
    shown = imported(first.path, "import mine.inner.deep; print(mine.__cached__)")

    assert first == replace(packed, path=first.path)
    assert from_tree(first.path, PACKAGES) == FILES
    assert Path(shown).exists()
    assert unpacked(packed, cache) == first
    assert list(cache.iterdir()) == [first.path]


def test_an_archive_is_unpacked_once(tmp_path: Path, cache: Path) -> None:
    """The second time the archive is not even read."""
    write_archive(tmp_path / "baseline.zip", FILES)
    packed = from_archive(tmp_path / "baseline.zip", PACKAGES)
    first = unpacked(packed, cache)
    packed.path.unlink()

    assert unpacked(packed, cache) == first


def test_many_may_unpack_an_archive_at_once(tmp_path: Path, cache: Path) -> None:
    """All get the whole folder, and nothing is left beside it."""
    write_archive(tmp_path / "baseline.zip", FILES)
    packed = from_archive(tmp_path / "baseline.zip", PACKAGES)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(unpacked, packed, cache) for _ in range(16)]
        found = {call.result() for call in calls}

    assert len(found) == 1
    assert list(cache.iterdir()) == [found.pop().path]


def test_an_unpacked_folder_that_was_changed_is_refused(tmp_path: Path, cache: Path) -> None:
    """It would be another baseline."""
    write_archive(tmp_path / "baseline.zip", FILES)
    packed = from_archive(tmp_path / "baseline.zip", PACKAGES)
    folder = unpacked(packed, cache).path
    fill(folder, {"single.py": b"import mine, os\n"})

    assert refusal(unpacked, packed, cache) == f"{folder}: was changed since it was unpacked; delete it"


def test_a_folder_that_cannot_be_unpacked_is_said(tmp_path: Path) -> None:
    """With the words of the system."""
    write_archive(tmp_path / "baseline.zip", FILES)
    packed = from_archive(tmp_path / "baseline.zip", PACKAGES)

    assert refusal(unpacked, packed, tmp_path / "baseline.zip") == (
        f"{tmp_path / 'baseline.zip' / packed.sha256}: cannot be written: Not a directory"
    )


def test_what_nobody_used_for_a_day_leaves_the_cache(
    project: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A zip and a folder that are taken from there are used."""
    monkeypatch.setattr("pytest_telemetry.benchmark.cache._LATEST", 0)
    write_archive(tmp_path / "other.zip", {"single.py": b""})
    other = from_archive(tmp_path / "other.zip", ["single"])
    revision = from_revision(project, "HEAD", PACKAGES, cache)
    kept = {revision.path, unpacked(revision, cache).path}
    for path in (*kept, unpacked(other, cache).path):
        os.utime(path, (0, 0))

    unpacked(from_revision(project, "HEAD", PACKAGES, cache), cache)

    assert {*cache.iterdir()} == kept

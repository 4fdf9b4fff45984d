"""Where a baseline's code comes from: a git revision, an archive or the working tree, hashed alike (layer 2).

The *files* of packages are a mapping of names, relative to where packages are imported from, to contents. Compiled
files are never among them, and a ``src/`` before a package is left out.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import os
import secrets
import shutil
import stat
import subprocess
import zipfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final, NoReturn, TypeAlias

from pytest_telemetry.benchmark.baseline import is_package_name, replace_file
from pytest_telemetry.benchmark.cache import remove_unused, touch
from pytest_telemetry.model.errors import UnusableInput

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

    Files: TypeAlias = Mapping[str, bytes]

__all__ = (
    "Source",
    "differs",
    "found_in",
    "from_archive",
    "from_revision",
    "from_tree",
    "sha256_of",
    "unpacked",
    "verify",
    "write_archive",
)

_PLACES: Final = ("src/", "")
_PLAIN: Final = "only plain files can be taken along; replace it by one, or leave it out of the package"

# What tells git who the user is and how to reach servers stays; where a repository is must not come from a hook.
_KEPT: Final = (
    "GIT_ASKPASS",
    "GIT_CEILING_DIRECTORIES",
    "GIT_CONFIG_",
    "GIT_EXEC_PATH",
    "GIT_SSH",
    "GIT_SSL_",
)
_HOOK: Final = "GIT_CONFIG_PARAMETERS"
_SETTINGS: Final = {
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}


@dataclass(frozen=True, slots=True)
class Source:
    """Code that can be imported once *path* is put into ``sys.path``.

    Attributes:
        path: Absolute; a zip with the packages at its root, or a folder that holds them.
        revision: Full hash of the commit it was taken from; None where nobody knows.
        date: Of that commit, in UTC.
        packages: The top-level packages it was asked for.
        sha256: See `sha256_of`.
    """

    path: Path
    revision: str | None
    date: dt.date | None
    packages: tuple[str, ...]
    sha256: str


def from_revision(root: Path, revision: str, packages: Sequence[str], into: Path) -> Source:
    """Return the *packages* of the project at *root* as they are in the commit *revision*.

    They are looked for below ``src/`` of the project, then at its root, and written to a zip in the folder *into*,
    once for each commit; several processes may do so at once. Contents are those that git stores: line ends are
    not converted and filters, such as that of Git LFS, do not run.

    Raises:
        UnusableInput: git, the repository, the commit or a package is not there, a package holds something else
            than plain files, or the zip cannot be written.
    """
    _require_names(packages)
    commit = _commit(root, revision)
    date = _date(root, commit)
    prefix = _answer(root, "rev-parse", "--show-prefix")
    key = hashlib.sha256(repr((1, prefix, sorted(packages))).encode()).hexdigest()[:12]
    path = Path(into) / f"{commit}-{key}.zip"
    touch(path)
    try:
        source = from_archive(path, packages)
    except UnusableInput:  # not there yet, or damaged
        files = _committed(root, commit, packages)
        _require_packages(files, packages, f"revision {commit[:12]} of {root}")
        _make_folder(path.parent)
        try:
            write_archive(path, files)
        except UnusableInput:  # on Windows also where another process has just made it, and reads it
            if not path.exists():
                raise
        source = from_archive(path, packages)
    return replace(source, revision=commit, date=date)


def from_archive(path: Path, packages: Sequence[str]) -> Source:
    """Return the *packages* in the zip or wheel at *path*; what else is in it does not count.

    Raises:
        UnusableInput: It is missing, damaged, encrypted or no zip, a package is not at its root, or Python could
            not import from it.
    """
    _require_names(packages)
    path = Path(path).absolute()
    return Source(path, None, None, tuple(packages), sha256_of(_archived(path, packages)))


def from_tree(root: Path, packages: Sequence[str]) -> dict[str, bytes]:
    """Return the files of the *packages* in the folder *root*, below ``src/`` or at the root, ignored ones too.

    Raises:
        UnusableInput: A package is not there, a file cannot be read, or is a symbolic link or otherwise not plain.
    """
    _require_names(packages)
    root = Path(root)
    files = _read(root, _chosen(_walk(root, packages), packages))
    _require_packages(files, packages, str(root))
    return files


def write_archive(path: Path, files: Files) -> None:
    """Write *files* as a zip that Python can import from: the same bytes for the same files, on every machine.

    Nothing is compressed: compressors differ, and git compresses what it stores anyway.

    Raises:
        UnusableInput: It cannot be written; what was there before is still there.
    """
    folders = {f"{folder}/" for name in files for folder in PurePosixPath(name).parents if folder.name}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted({*files, *folders}):
            entry = zipfile.ZipInfo(name)  # dated 1980-01-01
            entry.create_system = 3  # POSIX, also where it is written on Windows
            entry.external_attr = (0o40755 << 16 | 0x10) if name in folders else 0o100644 << 16
            archive.writestr(entry, files.get(name, b""))
    replace_file(Path(path), buffer.getvalue())


def unpacked(source: Source, into: Path) -> Source:
    """Return *source* as a folder inside the folder *into*, so that compiled files are kept between processes.

    It is made once for each content; several processes may do so at once. What neither this nor `from_revision` had
    from *into* for a day is removed from it, but for the latest few.

    Raises:
        UnusableInput: The zip cannot be read, the folder cannot be written, or was changed since it was made.
    """
    folder = Path(into).absolute() / source.sha256
    touch(folder)
    if not folder.is_dir():
        _unpack(_archived(source.path, source.packages), folder)
    remove_unused(folder)
    if sha256_of(from_tree(folder, source.packages)) != source.sha256:
        raise UnusableInput(f"{folder}: was changed since it was unpacked; delete it")
    return replace(source, path=folder)


def sha256_of(files: Files) -> str:
    r"""Return a hash of names and contents, the same for a revision, its archive and its tree on every machine.

    Line ends of texts (files without a null character) do not count, since git may write them as ``\r\n``.
    """
    digest = hashlib.sha256()
    for name in sorted(files):
        content = files[name] if b"\0" in files[name] else files[name].replace(b"\r\n", b"\n")
        digest.update(b"%d %d\n%b%b" % (len(name.encode()), len(content), name.encode(), content))
    return digest.hexdigest()


def verify(source: Source, expected: str) -> None:
    """Make sure that *source* is the code that the baseline was made of.

    Raises:
        UnusableInput: Its hash is not *expected*.
    """
    if source.sha256 != expected:
        raise UnusableInput(
            f"{source.path}: is not the code of the baseline: sha256 {source.sha256[:12]}..., not {expected[:12]}...; "
            "restore the archive and the baseline's file, or make a new baseline with --update and a reason"
        )


def differs(root: Path, revision: str, packages: Sequence[str]) -> bool:
    """Tell whether the *packages* in the working tree differ from *revision*, apart from line ends of texts.

    Files that git does not track count, unless it ignores them.

    Raises:
        UnusableInput: As `from_revision`; but a package that the revision lacks is a difference.
    """
    _require_names(packages)
    committed = _committed(root, _commit(root, revision), packages)
    listed = _answer(
        root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *_paths(packages)
    )
    there = (name for name in listed.split("\0") if os.path.lexists(root / name))
    files = _read(Path(root), _chosen(there, packages))
    _require_packages(files, packages, f"the working tree {root}")
    return sha256_of(files) != sha256_of(committed)


def found_in(root: Path, revision: str, packages: Sequence[str]) -> tuple[str, ...]:
    """Return those of the *packages* that the commit *revision* of the project at *root* has.

    Raises:
        UnusableInput: git, the repository or the commit is not there.
    """
    _require_names(packages)
    arguments = ("-r", "-z", "--name-only", _commit(root, revision), *_paths(packages))
    files = _chosen(_answer(root, "ls-tree", *arguments).split("\0"), packages)
    return tuple(name for name in packages if _is_there(name, files))


# Which files belong to packages.


def _require_names(packages: Sequence[str]) -> None:
    if not packages:
        raise UnusableInput("no packages: name at least one whose code is the baseline")
    for name in packages:
        if not is_package_name(name):
            raise UnusableInput(f"packages: expected the name of a top-level package, not {name!r}")


def _require_packages(
    files: Files, packages: Sequence[str], where: str, place: str = "at the root or below src/"
) -> None:
    for name in packages:
        if not _is_there(name, files):
            raise UnusableInput(
                f"{where}: no package {name!r}; expected {name}/__init__.py or {name}.py {place}"
            )


def _is_there(package: str, files: Container[str]) -> bool:
    return f"{package}/__init__.py" in files or f"{package}.py" in files


def _paths(packages: Sequence[str]) -> list[str]:
    return [f"{place}{name}{end}" for name in packages for place in _PLACES for end in ("", ".py")]


def _chosen(names: Iterable[str], packages: Sequence[str], places: Sequence[str] = _PLACES) -> dict[str, str]:
    """Return the names of the packages' files, by the names that they get."""
    known = {name for name in names if _counts(name)}
    chosen: dict[str, str] = {}
    for package in packages:
        for place in places:
            if f"{place}{package}/__init__.py" in known:
                found = [name for name in known if name.startswith(f"{place}{package}/")]
            else:
                found = [name for name in known if name == f"{place}{package}.py"]
            chosen |= {name.removeprefix(place): name for name in found}
            if found:
                break
    return chosen


def _counts(name: str) -> bool:
    return not name.endswith((".pyc", ".pyo", "/")) and "__pycache__" not in name.split("/")


# Folders.


def _walk(root: Path, packages: Sequence[str]) -> Iterator[str]:
    """Yield the names of files, and of links to folders, of whatever the packages may be."""
    for path in _paths(packages):
        if (root / path).is_file():
            yield path
        elif (root / path).is_dir():
            for folder, folders, names in os.walk(root / path, onerror=_refuse_unreadable):
                links = [name for name in folders if Path(folder, name).is_symlink()]
                yield from (Path(folder, name).relative_to(root).as_posix() for name in (*names, *links))


def _refuse_unreadable(error: OSError) -> NoReturn:
    raise UnusableInput(f"{error.filename}: cannot be read: {error.strerror}") from error


def _read(root: Path, chosen: Mapping[str, str]) -> dict[str, bytes]:
    files = {}
    for name, place in chosen.items():
        path = root / place
        try:
            if not stat.S_ISREG(path.lstat().st_mode):
                raise UnusableInput(f"{path}: is a symbolic link or no file at all; {_PLAIN}")
            files[_text(name, str(root))] = path.read_bytes()
        except OSError as error:
            _refuse_unreadable(error)
    return files


def _text(name: str, where: str) -> str:
    if any("\ud800" <= character <= "\udfff" for character in name):
        raise UnusableInput(f"{where}: the file name {name!r} is not UTF-8; rename it")
    return name


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnusableInput(f"{folder}: cannot be made: {error.strerror}") from error


def _unpack(files: Files, folder: Path) -> None:
    aside = folder.with_name(f".{folder.name[:12]}.{secrets.token_hex(6)}")
    try:
        for name, content in files.items():
            path = aside / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        aside.rename(folder)
    except OSError as error:
        if not folder.is_dir():  # otherwise another process was faster
            raise UnusableInput(f"{folder}: cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


# Archives.


def _archived(path: Path, packages: Sequence[str]) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(path) as archive:
            chosen = _chosen(archive.namelist(), packages, ("",))
            files = {name: _entry(archive, archive.getinfo(name), path) for name in chosen}
    except FileNotFoundError as error:
        raise UnusableInput(f"{path}: no such archive; restore it, or make a new baseline") from error
    except OSError as error:
        raise UnusableInput(f"{path}: cannot be read: {error.strerror or error}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError) as error:
        raise UnusableInput(f"{path}: is no zip, or a damaged one; restore it ({error})") from error
    _require_packages(files, packages, str(path), "at the root of the archive")
    return files


def _entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> bytes:
    if entry.flag_bits & 0x1:
        raise UnusableInput(f"{path}: {entry.filename!r} is encrypted; keep the archive without a password")
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise UnusableInput(
            f"{path}: {entry.filename!r} is compressed in a way that Python cannot import; use deflate"
        )
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise UnusableInput(f"{path}: {entry.filename!r} is a symbolic link; {_PLAIN}")
    if ".." in entry.filename.split("/"):
        raise UnusableInput(f"{path}: {entry.filename!r} leaves the archive; restore it")
    return archive.read(entry)


# git.


def _git(root: Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("GIT_") or (key.startswith(_KEPT) and key != _HOOK)
    }
    command = [
        "git",
        "-C",
        os.fspath(root),
        "-c",
        "core.fsmonitor=false",
        "-c",
        "core.quotePath=false",
        *arguments,
    ]
    try:
        return subprocess.run(  # noqa: S603 - no shell, and no argument that begins with a dash is somebody's input
            command, input=given, capture_output=True, env=environment | _SETTINGS, check=False
        )
    except OSError as error:
        raise UnusableInput(
            f"git: {error.strerror or error}; install git, or keep an archive of the code beside the baseline"
        ) from error


def _answer_bytes(root: Path, *arguments: str, given: bytes = b"") -> bytes:
    done = _git(root, *arguments, given=given)
    if done.returncode:
        raise UnusableInput(f"{root}: git {arguments[0]} failed: {_complaint(done)}")
    return done.stdout


def _answer(root: Path, *arguments: str) -> str:
    return os.fsdecode(_answer_bytes(root, *arguments))


def _complaint(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[0] if lines else f"exit code {done.returncode}"


def _commit(root: Path, revision: str) -> str:
    """Return the full hash of a commit."""
    if not revision or revision.startswith("-") or not revision.isprintable():
        raise UnusableInput(f"{revision!r} cannot be the name of a revision")
    found = _git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if not found.returncode:
        return found.stdout.decode("ascii").strip()
    shallow = _git(root, "rev-parse", "--is-shallow-repository")
    if shallow.returncode:
        raise UnusableInput(
            f"{root}: no git repository that can be read ({_complaint(shallow)}); "
            "keep an archive of the code beside the baseline"
        )
    if shallow.stdout.strip() == b"true":
        raise UnusableInput(
            f"{root}: no commit {revision!r} in this shallow clone; fetch with full depth "
            "(git fetch --unshallow; fetch-depth: 0), or keep an archive of the code beside the baseline"
        )
    raise UnusableInput(
        f"{root}: no commit {revision!r} in this repository; fetch it, or name another revision"
    )


def _date(root: Path, commit: str) -> dt.date:
    seconds = _answer(root, "rev-list", "--no-walk", "--format=%ct", commit).split()[-1]
    return dt.datetime.fromtimestamp(int(seconds), dt.UTC).date()


def _committed(root: Path, commit: str, packages: Sequence[str]) -> dict[str, bytes]:
    """Return the files of those packages that the commit has."""
    listed = {}
    for line in _answer(root, "ls-tree", "-r", "-z", commit, *_paths(packages)).split("\0")[:-1]:
        fields, _, name = line.partition("\t")
        listed[name] = fields.split()
    chosen = _chosen(listed, packages)
    for name in chosen.values():
        mode, _, _ = listed[name]
        if not mode.startswith("100"):
            what = "a submodule" if mode == "160000" else "a symbolic link"
            raise UnusableInput(f"revision {commit[:12]} of {root}: {name!r} is {what}; {_PLAIN}")
    contents = _blobs(root, [listed[name][2] for name in chosen.values()])
    return {
        _text(name, f"revision {commit[:12]}"): content
        for name, content in zip(chosen, contents, strict=True)
    }


def _blobs(root: Path, hashes: Sequence[str]) -> Iterator[bytes]:
    output = _answer_bytes(
        root, "cat-file", "--batch", given="".join(f"{name}\n" for name in hashes).encode()
    )
    position = 0
    for name in hashes:
        start = output.index(b"\n", position) + 1
        header = output[position:start].split()
        if len(header) != 3:
            raise UnusableInput(
                f"{root}: git has lost the object {name}; fetch again, or restore the repository"
            )
        position = start + int(header[2]) + 1
        yield output[start : position - 1]

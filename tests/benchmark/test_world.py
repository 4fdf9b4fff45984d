"""Worlds: which module is whose, wherever it comes from, and that nothing of it stays behind."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import zipfile
import zipimport  # noqa: F401 - the first archive would import it
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry.benchmark.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def shop(version: str) -> dict[str, str]:
    """Return the package under test, which knows its version and imports some of itself late."""
    return {
        "shop/__init__.py": f"VERSION = {version!r}\ndef tax():\n    from shop import taxes\n    return taxes.NAME\n",
        "shop/taxes.py": "from shop import VERSION\nNAME = f'tax of {VERSION}'\n",
        "shop/deep/__init__.py": "",
        "shop/deep/down.py": "import shop\nVERSION = shop.VERSION\n",
    }


class Project:
    """A project in a folder, which the running program imports; in the end it must find what it found.

    Attributes:
        root: Its folder, from which modules can be imported.
        code: A folder beside it with the package under test as it was.
        new: Names of modules that may come and go after there was a world.
    """

    def __init__(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.code = place / "project", place / "baseline"
        self.new: set[str] = set()
        self._found: tuple[dict[str, ModuleType], list[str], list[Any]] | None = None
        write(self.root, shop("now"))
        write(self.code, shop("then"))
        monkeypatch.syspath_prepend(self.root)

    def world(
        self, packages: Sequence[str] = ("shop",), code: Path | None = None, root: Path | None = None
    ) -> World:
        """Return a world; what is there now has to be there in the end."""
        self._found = dict(sys.modules), list(sys.path), list(sys.meta_path)
        return World(root or self.root, packages, code or self.code)

    def assert_found(self) -> None:
        """Assert that everything is as it was before there was a world."""
        assert self._found is not None
        modules, path, finders = self._found
        assert sys.path == path
        assert sys.meta_path == finders
        assert sys.modules.keys() - self.new == modules.keys() - self.new
        assert [name for name in modules.keys() - self.new if sys.modules[name] is not modules[name]] == []


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """Write files below a folder, and return it."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    importlib.invalidate_caches()
    return folder


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A project with the package ``shop``, of which the baseline has another version."""
    before = dict(sys.modules)
    made = Project(tmp_path, monkeypatch)
    try:
        yield made
        made.assert_found()
    finally:
        for name in [name for name in sys.modules if name not in before]:
            del sys.modules[name]
        sys.modules.update(before)


def editable(root: Path) -> Any:
    """Return the finder of an editable installation, which knows where each module of the package is."""

    def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        folder = root.joinpath(*name.split(".")[:-1])
        return PathFinder.find_spec(name, [str(folder)]) if name.partition(".")[0] == "shop" else None

    return SimpleNamespace(find_spec=find_spec)


def place(world: World, name: str) -> str:
    """Return where a module is found inside."""
    with world.inside():
        return str(import_module(name).__file__)


# The packages under test


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_the_package_under_test_is_that_of_the_baseline(project: Project, kind: str) -> None:
    """With all that belongs to it, from a folder or an archive; outside it is the one of the working tree."""
    code = project.code
    if kind == "zip":
        code = code.with_suffix(".zip")
        with zipfile.ZipFile(code, "w") as archive:
            for name, text in shop("then").items():
                archive.writestr(name, text)
    now = import_module("shop.deep.down")
    world = project.world(code=code)

    with world.inside():
        then = import_module("shop.deep.down")

    assert (now.VERSION, then.VERSION) == ("now", "then")
    assert str(then.__file__).startswith(str(code))
    assert sys.modules["shop.deep.down"] is now
    assert world.misplaced() == []


def test_a_module_can_be_the_package_under_test(project: Project) -> None:
    """A single file is looked for like a folder."""
    for folder, version in ((project.root, "now"), (project.code, "then")):
        write(folder, {"stall.py": f"VERSION = {version!r}\n"})
    now = import_module("stall")
    world = project.world(["stall"])

    with world.inside():
        assert import_module("stall").VERSION == "then"
    assert now.VERSION == "now"


def test_it_need_not_have_been_imported_before(project: Project) -> None:
    """What is first imported inside is not there outside."""
    world = project.world()

    with world.inside():
        assert import_module("shop").VERSION == "then"

    assert "shop" not in sys.modules
    project.new |= {"shop"}
    assert import_module("shop").VERSION == "now"


def test_imports_that_code_makes_while_it_runs_are_those_of_its_world(project: Project) -> None:
    """A function that imports late finds the modules of the world that it runs in, the first time and later."""
    now = import_module("shop")
    world = project.world()
    with world.inside():
        then = import_module("shop")

    with world.inside():
        first = then.tax()
    between = now.tax()
    with world.inside():
        second = then.tax()

    project.new |= {"shop.taxes"}
    assert [first, between, second] == ["tax of then", "tax of now", "tax of then"]


def test_a_world_keeps_its_modules(project: Project) -> None:
    """Whoever comes back finds what was imported there, with its state."""
    world = project.world()
    with world.inside():
        setattr(import_module("shop"), "VERSION", "changed")  # noqa: B010 - mypy knows no such attribute

    with world.inside():
        assert import_module("shop").VERSION == "changed"


@pytest.mark.parametrize("at_the_front", [True, False])
def test_an_editable_installation_does_not_come_first(
    project: Project, monkeypatch: pytest.MonkeyPatch, at_the_front: bool
) -> None:
    """Some of its kind put a finder before all others, that knows where each submodule is in the working tree."""
    others = list(sys.meta_path)
    finder = editable(project.root)
    finders: Any = [finder, *others] if at_the_front else [*others, finder]
    monkeypatch.setattr(sys, "meta_path", finders)
    import_module("shop.deep.down")
    world = project.world()

    assert place(world, "shop").startswith(str(project.code))
    assert place(world, "shop.deep.down").startswith(str(project.code))
    assert world.misplaced() == []


def test_who_puts_a_finder_first_is_passed_again(project: Project) -> None:
    """Test runners do that when they begin, inside of the world."""

    class Greedy:
        @staticmethod
        def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
            return PathFinder.find_spec(name, [str(project.root)]) if name == "shop" else None

    world = project.world()
    with world.inside():
        sys.meta_path.insert(0, Greedy)
        sys.path.insert(0, str(project.root))
        world.come_first()
        version = import_module("shop").VERSION
        first = sys.path[0]
        sys.meta_path.remove(Greedy)
        sys.path.remove(str(project.root))

    assert version == "then"
    assert first == str(project.code)


# The rest of the project


@pytest.mark.parametrize("folder", ["", "src/"])
def test_the_modules_of_the_project_are_imported_once_more(
    project: Project, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    """Benchmarks, and what helps them, so that each sees the package of its own world."""
    files = {
        f"{folder}timings/__init__.py": "",
        f"{folder}timings/test_shop.py": "import shop\nfrom timings.tools import tool\nVERSION = shop.VERSION\n",
        f"{folder}timings/tools.py": "import shop\ntool = lambda: shop.VERSION\n",
    }
    write(project.root, files)
    monkeypatch.syspath_prepend(project.root / folder)
    now = import_module("timings.test_shop")
    world = project.world()

    with world.inside():
        then = import_module("timings.test_shop")

    assert (now.VERSION, now.tool()) == ("now", "now")
    assert (then.VERSION, then.tool()) == ("then", "then")
    assert then.__file__ == now.__file__


def test_a_module_under_a_name_of_its_own_belongs_to_the_project(project: Project) -> None:
    """As a test runner loads a conftest file: by its path, and below a name that is no package."""
    file = write(project.root, {"timings/conftest.py": "import shop\n"}) / "timings/conftest.py"

    def load() -> ModuleType:
        spec = importlib.util.spec_from_file_location("timings.conftest", file)
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules["timings.conftest"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    now = load()
    world = project.world()

    with world.inside():
        assert "timings.conftest" not in sys.modules
        then = load()

    assert sys.modules["timings.conftest"] is now
    assert (now.shop.VERSION, then.shop.VERSION) == ("now", "then")


def test_a_namespace_package_of_the_project_is_imported_once_more(project: Project) -> None:
    """A folder without ``__init__.py``, and one within."""
    write(project.root, {"timings/deep/of_shop.py": "import shop\n"})
    now = import_module("timings.deep.of_shop")
    spaces = [sys.modules["timings"], sys.modules["timings.deep"]]
    world = project.world()

    with world.inside():
        then = import_module("timings.deep.of_shop")
        assert sys.modules["timings"] is not spaces[0]
        assert sys.modules["timings.deep"] is not spaces[1]

    assert (now.shop.VERSION, then.shop.VERSION) == ("now", "then")


def test_a_namespace_package_that_others_share_has_the_modules_of_each_world(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It stays, since what others have in it stays; what the project has in it changes, also as an attribute."""
    write(project.root, {"timings/of_shop.py": "import shop\n", "timings/late.py": "import shop\n"})
    monkeypatch.syspath_prepend(write(tmp_path / "others", {"timings/of_others.py": ""}))
    others, now = import_module("timings.of_others"), import_module("timings.of_shop")
    space: Any = sys.modules["timings"]
    world = project.world()

    with world.inside():
        assert sys.modules["timings"] is space
        assert space.of_others is others
        assert not hasattr(space, "of_shop")
        then, late = import_module("timings.of_shop"), import_module("timings.late")
        assert (space.of_shop, space.late) == (then, late)
    assert (space.of_shop, then.shop.VERSION) == (now, "then")
    assert not hasattr(space, "late")
    with world.inside():
        assert (space.of_shop, space.late, space.of_others) == (then, late, others)
    assert (space.of_shop, space.of_others) == (now, others)


def test_a_package_that_is_only_a_name_has_the_modules_of_each_world(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Test runners make up parents for what they import by its path; these have no place, and stay."""
    write(project.root, {"of_shop.py": "import shop\n"})
    parent: Any = ModuleType("made_up")
    monkeypatch.setitem(sys.modules, "made_up", parent)
    parent.of_shop = now = sys.modules["made_up.of_shop"] = import_module("of_shop")
    world = project.world()

    with world.inside():
        assert not hasattr(parent, "of_shop")
        parent.of_shop = sys.modules["made_up.of_shop"] = import_module("of_shop")

    assert parent.of_shop is now


@pytest.mark.parametrize("after_a_first_turn", [True, False])
def test_an_attribute_that_somebody_has_changed_stays(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, after_a_first_turn: bool
) -> None:
    """Where a shared package has something else under the name of a module, that is nobody's module."""
    write(project.root, {"timings/of_shop.py": ""})
    monkeypatch.syspath_prepend(write(tmp_path / "others", {"timings/of_others.py": ""}))
    import_module("timings.of_shop")
    space: Any = sys.modules["timings"]
    world = project.world()
    if after_a_first_turn:
        with world.inside():
            import_module("timings.of_shop")

    space.of_shop = "a double"
    with world.inside():
        assert space.of_shop == "a double"

    assert space.of_shop == "a double"


def test_a_project_may_be_known_by_a_link(project: Project, tmp_path: Path) -> None:
    """Modules that were imported by the real path are found as well."""
    write(project.root, {"of_shop.py": "import shop\n"})
    link = tmp_path / "link"
    link.symlink_to(project.root, target_is_directory=True)
    now = import_module("of_shop")
    world = project.world(root=link)

    with world.inside():
        assert import_module("of_shop") is not now


def test_what_lies_beside_the_packages_of_the_baseline_stays_there(project: Project) -> None:
    """A module that is found in its folder is of that world only."""
    write(project.code, {"beside_shop.py": ""})
    world = project.world()

    with world.inside():
        import_module("beside_shop")

    assert "beside_shop" not in sys.modules


# What is shared


def test_what_does_not_belong_to_the_project_is_shared(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whether it was imported outside or inside, and also where its folder only begins like that of the project."""
    similar = tmp_path / "project-of-others"
    monkeypatch.syspath_prepend(write(similar, {"others_a.py": "", "others_b.py": ""}))
    before = import_module("others_a")
    world = project.world()

    with world.inside():
        assert import_module("others_a") is before
        during = import_module("others_b")

    project.new |= {"others_b"}
    assert sys.modules["others_b"] is during


@pytest.mark.parametrize("folder", [".venv/lib/python3/site-packages", "vendor/dist-packages"])
def test_what_is_installed_below_the_project_is_shared(
    project: Project, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    """Environments are often kept in the folder of the project."""
    write(project.root / folder, {"installed_here.py": ""})
    monkeypatch.syspath_prepend(project.root / folder)
    installed = import_module("installed_here")
    world = project.world()

    with world.inside():
        assert import_module("installed_here") is installed


@pytest.mark.parametrize("prefix", ["prefix", "base_prefix"])
def test_the_interpreter_is_shared_wherever_it_lies(
    project: Project, monkeypatch: pytest.MonkeyPatch, prefix: str
) -> None:
    """Its library, and that of the one it was made of, may be kept in the folder of the project."""
    write(project.root / "python/lib", {"of_the_library.py": ""})
    monkeypatch.syspath_prepend(project.root / "python/lib")
    monkeypatch.setattr(sys, prefix, str(project.root / "python"))
    library = import_module("of_the_library")
    world = project.world()

    with world.inside():
        assert import_module("of_the_library") is library


def test_the_standard_library_is_shared_where_it_lies_in_the_project(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interpreter whose prefix is the folder of the project itself."""
    library = Path(os.__file__).parent
    monkeypatch.setattr(sys, "prefix", str(library.parent))
    monkeypatch.setattr(sys, "base_prefix", str(library.parent))
    before = import_module("json.decoder")
    world = project.world(root=library.parent)

    with world.inside():
        assert import_module("json.decoder") is before


@pytest.mark.parametrize("prefix", [".", "project"])
def test_a_project_within_the_prefix_is_a_project_all_the_same(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, prefix: str
) -> None:
    """In a container it lies below /usr; and an environment may be made in the folder of the project itself."""
    write(project.root, {"of_shop.py": "import shop\n"})
    monkeypatch.setattr(sys, "prefix", str(tmp_path / prefix))
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path / prefix))
    now = import_module("of_shop")
    world = project.world()

    with world.inside():
        assert import_module("of_shop") is not now


def test_a_project_within_what_is_installed_is_a_project_all_the_same(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Only what is installed below it is not its own."""
    root = tmp_path / "site-packages/project"
    write(root, {"of_project.py": ""})
    monkeypatch.syspath_prepend(root)
    now = import_module("of_project")
    world = project.world(root=root)

    with world.inside():
        assert import_module("of_project") is not now


def test_the_main_module_is_shared(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program in the project is running, and is not run once more."""
    main = ModuleType("__main__")
    main.__file__ = str(project.root / "program.py")
    monkeypatch.setitem(sys.modules, "__main__", main)
    world = project.world()

    with world.inside():
        assert sys.modules["__main__"] is main


class Anything:
    """Stands in for a module, has whatever attribute it is asked for, and is none itself."""

    def __getattr__(self, name: str) -> Anything:
        return self


@pytest.mark.parametrize(
    "entry",
    [None, Anything(), SimpleNamespace(__file__=None), SimpleNamespace(__path__=[None]), object()],
    ids=["none", "anything", "no file", "no folder", "object"],
)
def test_what_is_no_module_stays_where_it_is(
    project: Project, monkeypatch: pytest.MonkeyPatch, entry: Any
) -> None:
    """Test suites put the oddest things where modules are looked up."""
    monkeypatch.setitem(sys.modules, "odd_entry", entry)
    world = project.world()

    with world.inside():
        assert sys.modules["odd_entry"] is entry


def test_a_namespace_package_without_its_parent_does_not_hurt(project: Project) -> None:
    """Somebody has removed the parent, without which nobody knows where it lies: it is left alone."""
    write(project.root, {"timings/deep/of_shop.py": ""})
    import_module("timings.deep")
    del sys.modules["timings"]
    world = project.world()

    with world.inside():
        assert import_module("shop").VERSION == "then"


# Going in and out


def test_who_goes_there_and_back_is_where_they_were(project: Project) -> None:
    """And the modules of the baseline have been there meanwhile."""
    ours = import_module("shop")
    world = project.world()
    with world.inside():
        theirs = import_module("shop")

    with world.there_and_back():
        seen = sys.modules["shop"]

    assert seen is ours is not theirs
    assert sys.modules["shop"] is ours


def test_in_is_in_and_out_is_out_however_often(project: Project) -> None:
    """Whoever is inside stays there by going in, and finds the way back by however many turns."""
    import_module("shop")
    world = project.world()

    def version() -> str:
        return str(import_module("shop").VERSION)

    seen = []
    with world.inside():
        seen.append(version())
        with world.inside():
            seen.append(version())
            with world.outside():
                seen.append(version())
                with world.inside():
                    seen.append(version())
                seen.append(version())
            seen.append(version())
        seen.append(version())
    with world.outside():
        seen.append(version())

    assert seen == ["then", "then", "now", "then", "now", "then", "then", "now"]


def test_an_exception_leads_out(project: Project) -> None:
    """Of every level, and is not hidden; the modules that were imported by then are of the world."""
    now = import_module("shop")
    world = project.world()

    with pytest.raises(KeyError), world.inside():
        import_module("shop.taxes")
        with world.outside():
            assert import_module("shop") is now
            raise KeyError

    assert import_module("shop") is now


def test_an_import_that_fails_leads_out(project: Project) -> None:
    """A baseline that does not import leaves the working tree as it is."""
    write(project.code, {"shop/taxes.py": "import nothing_of_that_name\n"})
    now = import_module("shop")
    world = project.world()

    with pytest.raises(ModuleNotFoundError, match="nothing_of_that_name"), world.inside():
        import_module("shop.taxes")

    assert import_module("shop") is now


def test_each_world_has_its_own_modules_of_the_project(project: Project) -> None:
    """What one imports late the other has to import itself."""
    write(project.root, {"late_a.py": "import shop\n", "late_b.py": "import shop\n"})
    world = project.world()

    with world.inside():
        import_module("late_a")
        with world.outside():
            assert "late_a" not in sys.modules
            b = import_module("late_b")
        assert "late_b" not in sys.modules

    project.new |= {"shop", "late_b"}
    assert sys.modules["late_b"] is b


@pytest.mark.parametrize("inside", [True, False])
def test_an_import_is_seen_also_where_another_module_goes(project: Project, inside: bool) -> None:
    """Their number is then the same as before, and still the new one belongs to its world."""
    write(project.root, {"late_a.py": ""})
    sys.modules["short_lived"] = ModuleType("short_lived")
    world = project.world()
    project.new |= {"late_a", "short_lived"}
    here, there = (world.inside, world.outside) if inside else (world.outside, world.inside)
    with there(), here(), there():
        pass

    with here():
        del sys.modules["short_lived"]
        import_module("late_a")
        with there():
            assert "late_a" not in sys.modules
        assert "late_a" in sys.modules


def test_an_import_is_seen_also_where_another_module_comes_again(project: Project) -> None:
    """The last that was imported is then the same as before, and still the new one belongs to its world."""
    write(project.root, {"late_a.py": "", "late_b.py": ""})
    world = project.world()
    with world.inside():
        import_module("late_b")
    with world.inside():
        last = next(reversed(sys.modules))

        del sys.modules[last]
        import_module("late_a")
        import_module(last)

    assert last == "late_b"
    assert "late_a" not in sys.modules


def test_a_module_that_goes_inside_is_gone_inside_only(project: Project) -> None:
    """Reloading means to remove it and to import it again."""
    now = import_module("shop")
    world = project.world()
    with world.inside():
        then = import_module("shop")

    with world.inside():
        del sys.modules["shop"]
        again = import_module("shop")

    assert again is not then
    assert sys.modules["shop"] is now


def test_who_clears_up_inside_does_not_keep_us_in(project: Project) -> None:
    """Somebody has set back the finders and the search path to what they were before."""
    world = project.world()
    path, finders = list(sys.path), list(sys.meta_path)

    with world.inside():
        sys.path[:], sys.meta_path[:] = path, finders

    assert "shop" not in sys.modules


def test_a_search_path_that_has_the_code_already_keeps_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is found twice inside, and where it was outside."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(project.code)])
    world = project.world()

    with world.inside():
        world.come_first()
        assert sys.path.count(str(project.code)) == 2
    with world.inside():
        assert sys.path.count(str(project.code)) == 2

    assert sys.path[-1] == str(project.code)


def test_the_code_is_where_it_was_when_the_world_was_made(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A relative path means the same also where code changes the working directory."""
    monkeypatch.chdir(tmp_path)
    world = project.world(code=Path("baseline"))
    monkeypatch.chdir(project.root)

    assert world.code == project.code
    assert place(world, "shop").startswith(str(project.code))
    assert world.misplaced() == []


# What is in the wrong place


def test_a_package_that_the_baseline_lacks_is_misplaced(project: Project) -> None:
    """It is found in the working tree, and compared with itself it could only be as fast."""
    write(project.root, {"stall/__init__.py": ""})
    world = project.world(["shop", "stall"])

    assert place(world, "stall") == str(project.root / "stall/__init__.py")
    assert world.misplaced() == [f"stall ({project.root / 'stall/__init__.py'})"]


def test_a_submodule_that_the_baseline_lacks_is_misplaced(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where an editable installation finds it in the working tree, it is told by its name and place."""
    write(project.root, {"shop/extra.py": ""})
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, editable(project.root)])
    world = project.world()

    assert place(world, "shop.extra") == str(project.root / "shop/extra.py")
    assert world.misplaced() == [f"shop.extra ({project.root / 'shop/extra.py'})"]


def test_a_submodule_that_the_baseline_lacks_is_not_there(project: Project) -> None:
    """Without such a finder, that is: code that asks for it finds out as it did then."""
    write(project.root, {"shop/extra.py": ""})
    world = project.world()

    with world.inside(), pytest.raises(ModuleNotFoundError, match=r"shop\.extra"):
        import_module("shop.extra")


def test_misplaced_is_asked_from_inside_or_outside(project: Project) -> None:
    """The answer is the same, and it leads nowhere."""
    write(project.root, {"stall/__init__.py": ""})
    import_module("stall")
    world = project.world(["stall"])

    before = world.misplaced()
    with world.inside():
        import_module("stall")
        inside = world.misplaced()

    assert before == []
    assert inside == world.misplaced() != []


def test_a_folder_that_only_begins_like_that_of_the_code_is_another(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The baseline lies in ``baseline``, and what is found in ``baseline-of-others`` is misplaced."""
    others = write(tmp_path / "baseline-of-others", {"stall.py": ""})
    monkeypatch.syspath_prepend(others)
    world = project.world(["stall"])

    assert place(world, "stall") == str(others / "stall.py")
    assert world.misplaced() == [f"stall ({others / 'stall.py'})"]


def test_a_namespace_package_is_misplaced_by_its_folder(project: Project) -> None:
    """One within the package that only the working tree has, as a finder of the working tree would find it."""
    write(project.root, {"stall/of_shop.py": ""})
    world = project.world(["stall"])
    with world.inside():
        import_module("stall")

    assert world.misplaced() == [f"stall ({project.root / 'stall'})"]


def test_folders_within_the_package_are_where_the_package_is(project: Project) -> None:
    """They have no ``__init__.py``, and where they are depends on the package of the world that is asked."""
    for folder in (project.root, project.code):
        write(folder, {"shop/data/table.py": ""})
    import_module("shop.data.table")
    world = project.world()

    assert place(world, "shop.data.table").startswith(str(project.code))
    assert world.misplaced() == []
    assert str(sys.modules["shop.data"].__path__[0]).startswith(str(project.root))

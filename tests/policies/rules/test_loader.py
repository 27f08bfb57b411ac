# SPDX-License-Identifier: Apache-2.0
"""A rule that breaks its contract stops the run before anything is judged, and the file is named."""

import py_compile
from pathlib import Path
from types import ModuleType

import pytest

from policies.errors import CannotEvaluate
from policies.rules import registry
from policies.rules.left_out import LEFT_OUT
from policies.rules.loader import PREFIXES, as_rule, load_folder, load_product, unique
from tests.policies.rules.own_rule import CHECK, CONSTANT, DOCSTRING, WHOLE, write

BROKEN = {
    "no RULE": (WHOLE.replace("RULE = Rule", "OTHER = Rule"), "no constant RULE"),
    "RULE is no Rule": (DOCSTRING + "RULE = 1\n" + CHECK, "no constant RULE"),
    "no check": (DOCSTRING + CONSTANT, "no function check"),
    "check takes one argument": (WHOLE.replace("check(bundle, run)", "check(bundle)"), "no function check"),
    "malformed id": (WHOLE.replace("TEAM-001", "team1"), "not of the form"),
    "title with a full stop": (WHOLE.replace('title="the model has a name"', 'title="It has."'), "title"),
    "no remediation": (WHOLE.replace('"Name it."', '" "'), "remediation"),
    "a severity that is a text": (WHOLE.replace("Severity.HIGH", '"critical"'), "severity"),
    "a kind that is not there": (WHOLE.replace('"bundle"', '"bundel"', 1), "'bundel'"),
    "needs that is a text": (WHOLE.replace('over="bundle"', 'over="bundle", needs="repository"'), "over and needs"),
    "needs a kind that is not there": (WHOLE.replace('over="bundle"', 'over="bundle", needs=("git",)'), "'git'"),
    "waivable that is a text": (WHOLE.replace('over="bundle"', 'over="bundle", waivable="no"'), "waivable"),
    "a title that is no text": (WHOLE.replace('"the model has a name",', "None,"), "are texts"),
    "a control that is a text": (WHOLE.replace('Control("nist-ai-rmf", "GOVERN 1.6")', '"6"'), "no tuple of Control"),
    "no control": (WHOLE.replace('(Control("nist-ai-rmf", "GOVERN 1.6"),)', "()"), "controls"),
    "no docstring": (CONSTANT + CHECK, "docstring"),
    "another id in the docstring": (WHOLE.replace('"""TEAM-001', '"""TEAM-002'), "TEAM-002"),
    "a section missing": (WHOLE.replace("## Why\nPeople talk about it.\n", ""), "sections"),
    "sections out of order": (WHOLE.replace("## Why", "## Reference", 1), "sections"),
    "an empty section": (WHOLE.replace("People talk about it.\n", ""), "'Why' is empty"),
    "no failing example": (WHOLE.replace("```yaml\nname: null\n```\n", ""), "'Fails' has no example"),
    "no passing example": (WHOLE.replace("```yaml\n{}\n```\n", ""), "'Passes' has no example"),
    "a prefix of the product": (WHOLE.replace("TEAM-001", "CARD-901"), "CARD-"),
    "a syntax error": (WHOLE + "def (:\n", "SyntaxError"),
    "an import that fails": (WHOLE + "import no_such_module_at_all\n", "no_such_module_at_all"),
    "a module that ends the program": (WHOLE + "raise SystemExit(0)\n", "SystemExit: 0"),
    "a module that raises what no one catches": (WHOLE + "raise BaseException('boom')\n", "BaseException: boom"),
    "a module that raises": (WHOLE + "raise RuntimeError('boom')\n", "RuntimeError: boom"),
}


@pytest.mark.parametrize(("text", "said"), BROKEN.values(), ids=BROKEN)
def test_a_rule_that_breaks_the_contract_stops_the_run(tmp_path: Path, text: str, said: str) -> None:
    """Each breach is CannotEvaluate, with the file and what is wrong with it."""
    folder = write(tmp_path / "rules", text)
    with pytest.raises(CannotEvaluate, match=r"name\.py") as caught:
        load_folder(folder)
    assert said in str(caught.value)


def test_a_rule_that_keeps_it_is_loaded(tmp_path: Path) -> None:
    """The same text unbroken is a rule."""
    (module,) = load_folder(write(tmp_path / "rules"))
    assert module.rule.id == "TEAM-001"
    assert module.file == str(tmp_path / "rules" / "name.py")


def test_files_are_loaded_by_name_and_need_not_be_packages(tmp_path: Path) -> None:
    """Rules come in the order of their file names, `__init__.py` is no rule."""
    folder = write(tmp_path / "rules", WHOLE.replace("TEAM-001", "TEAM-002"), "b.py")
    write(folder, WHOLE, "a.py")
    write(folder, "", "__init__.py")
    assert [module.rule.id for module in load_folder(folder)] == ["TEAM-001", "TEAM-002"]


@pytest.mark.parametrize("made", [False, True])
def test_a_folder_without_rules_stops_the_run(tmp_path: Path, made: bool) -> None:
    """A folder that is named has a rule in it, or nothing is judged."""
    folder = tmp_path / "rules"
    if made:
        folder.mkdir()
    with pytest.raises(CannotEvaluate, match="rules"):
        load_folder(folder)


def test_an_empty_rule_set_stops_the_run() -> None:
    """No rules is not the same as no finding."""
    with pytest.raises(CannotEvaluate, match="empty"):
        load_product(())


def test_an_id_is_given_once(tmp_path: Path) -> None:
    """Two rules of one id stop the run, also where one file is named twice."""
    folder = write(tmp_path / "rules")
    with pytest.raises(CannotEvaluate, match="TEAM-001 is taken"):
        unique((*load_folder(folder), *load_folder(folder)))


def test_a_family_keeps_its_prefix() -> None:
    """A shipped rule in the folder of another family is refused."""
    module = next(iter(registry.MODULES))
    stray = ModuleType("policies.rules.waiver.stray", module.__doc__)
    stray.__dict__.update(RULE=module.RULE, check=module.check, __file__="stray.py")
    with pytest.raises(CannotEvaluate, match="does not belong to the family 'waiver'"):
        load_product([stray])


def test_every_family_is_in_the_registry() -> None:
    """Each folder of rules has a prefix, and each prefix a rule."""
    rules = load_product()
    assert {module.rule.id.partition("-")[0] for module in rules} == set(PREFIXES.values())


def test_what_was_left_out_is_not_there() -> None:
    """An id that was left out is given to no rule, and has a reason."""
    ids = {module.rule.id for module in load_product()}
    assert not ids & {item.id for item in LEFT_OUT}
    assert all(item.reason and item.title for item in LEFT_OUT)


def test_every_rule_file_is_asked() -> None:
    """A module with a RULE in a family's folder stands in the family's list, so that none is forgotten."""
    root = Path(registry.__file__).parent
    holding = {str(file) for file in root.glob("*/*.py") if "\nRULE = " in file.read_text("utf-8")}
    assert holding == {module.file for module in load_product()}


def test_as_rule_names_the_file() -> None:
    """A module is held to the contract under the name that the user knows."""
    with pytest.raises(CannotEvaluate, match=r"^somewhere\.py: "):
        as_rule(ModuleType("empty"), "somewhere.py")


def test_a_rule_in_a_folder_below_is_never_left_out_in_silence(tmp_path: Path) -> None:
    """It would look as if it were asked."""
    folder = write(tmp_path / "rules")
    write(folder / "more", WHOLE.replace("TEAM-001", "TEAM-002"), "b.py")
    with pytest.raises(CannotEvaluate, match=r"more/b\.py"):
        load_folder(folder)


def test_a_rule_is_what_its_text_says(tmp_path: Path) -> None:
    """A compiled file beside it says nothing, whatever it claims about the text that it was made from."""
    folder = write(tmp_path / "rules", WHOLE.replace("TEAM-001", "TEAM-002"))
    file = folder / "name.py"
    py_compile.compile(str(file), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    write(folder)
    assert [module.rule.id for module in load_folder(folder)] == ["TEAM-001"]

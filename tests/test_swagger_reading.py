from __future__ import annotations

import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kiosk.errors import UsageError
from kiosk.swagger.comparison import Expected, compare
from kiosk.swagger.differences import Severity, matters
from kiosk.swagger.reading import read
from tests.descriptions import Json, as_swagger, derived, schemas


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def packed(folder: Path, **files: Any) -> Path:
    """A zip of these files; two underscores stand for a slash, one before the ending for its dot."""
    path = folder / "swagger.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            stem, _, ending = name.replace("__", "/").rpartition("_")
            archive.writestr(f"{stem}.{ending}", content if isinstance(content, str | bytes) else json.dumps(content))
    return path


def trouble(path: Path) -> list[str]:
    _, found = compare(read(path), Expected())
    return [each.described for each in found if each.severity is not Severity.INFORMATION]


def complaint(path: Path) -> str:
    with pytest.raises(UsageError) as caught:
        read(path)
    assert caught.value.repair
    return caught.value.message


def split() -> tuple[Json, Json]:
    """The document, and its schemas in a file of their own."""
    document = derived()
    common = {"components": {"schemas": schemas(document).copy()}}
    for name in list(schemas(document)):
        schemas(document)[name] = {"$ref": f"../common/schemas.yaml#/components/schemas/{name}"}
    return document, common


def test_json_is_read(tmp_path: Path) -> None:
    """A JSON file is read, also with the mark that Windows editors put before it."""
    assert trouble(write(tmp_path, "a.json", b"\xef\xbb\xbf" + json.dumps(derived()).encode())) == []


def test_yaml_is_read(tmp_path: Path) -> None:
    """A YAML file is read, with statuses as numbers and a version that is one; so is YAML in braces."""
    document = as_swagger(derived())
    document["swagger"] = 2.0
    for item in document["paths"].values():
        for operation in item.values():
            operation["responses"] = {int(status): answer for status, answer in operation["responses"].items()}
    assert trouble(write(tmp_path, "a.yaml", yaml.safe_dump(document))) == []
    assert trouble(write(tmp_path, "b.yaml", yaml.safe_dump(derived(), default_flow_style=True))) == []


def test_yaml_dates_are_texts(tmp_path: Path) -> None:
    """What YAML takes for a date stays a text, as in JSON."""
    read_ = read(write(tmp_path, "a.yaml", "openapi: 3.1.0\ninfo: {version: 2024-01-01}\npaths: {}\n"))
    assert read_.root.get("info").value == {"version": "2024-01-01"}


def test_a_zip_of_several_files_is_one_description(tmp_path: Path) -> None:
    """References lead from file to file within a zip, upwards too, and a change in any of them is found."""
    document, common = split()
    assert trouble(packed(tmp_path, api__openapi_json=document, common__schemas_yaml=common, readme_txt="x")) == []
    common["components"]["schemas"]["RegistrationType"] = {"type": "string", "enum": ["IN", "OUT"]}
    assert "spelled otherwise: IN, OUT" in trouble(packed(tmp_path, api__openapi_json=document, common__schemas_yaml=common))


def test_files_beside_the_description_are_read(tmp_path: Path) -> None:
    """Whoever has unpacked the zip names the main file, and what lies beside it is found."""
    document, common = split()
    text = json.dumps(document).replace("../common/", "common/")
    write(tmp_path, "common/schemas.yaml", yaml.safe_dump(common))
    assert trouble(write(tmp_path, "openapi.json", text)) == []


def test_nothing_outside_of_the_folder_is_read(tmp_path: Path) -> None:
    """A reference, or a link, that leads out of the folder is told and not followed."""
    document, common = split()
    write(tmp_path, "common/schemas.yaml", json.dumps(common))
    assert any("a file that is not here" in each for each in trouble(write(tmp_path, "api/openapi.json", json.dumps(document))))
    (tmp_path / "api/schemas.yaml").symlink_to(tmp_path / "common/schemas.yaml")
    text = json.dumps(document).replace("../common/", "")
    assert any("a file that is not here" in each for each in trouble(write(tmp_path, "api/openapi.json", text)))


def test_the_description_is_found_among_others(tmp_path: Path) -> None:
    """Of several descriptions in a zip the one that registers is taken; of two spellings of it either."""
    other = {"openapi": "3.0.0", "paths": {"/x": {}}}
    path = packed(tmp_path, a_json=other, b_json=derived(), b_yaml=yaml.safe_dump(derived()))
    assert read(path).main == "b.json"
    assert read(packed(tmp_path, a_json=other, b_json={"x": "openapi"})).main == "a.json"


def test_a_broken_neighbour_is_no_reason_to_refuse(tmp_path: Path) -> None:
    """What macOS adds to a zip, or a file that makes no sense, keeps nobody from the description beside it."""
    broken = b"\xff\x00 openapi registerInBulk"
    path = packed(tmp_path, **{"__MACOSX__._b_json": broken}, a_yaml=broken, b_json=derived())
    assert read(path).main == "b.json"


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"a_json": {"openapi": "3.0.0", "paths": {"/x": {}}}, "b_json": {"swagger": "2.0", "paths": {"/y": {}}}}, "several"),
        ({"a_json": {}}, "no Swagger or OpenAPI description"),
        ({"a_txt": "x"}, "no JSON or YAML files"),
        ({"a_json": '{"openapi": '}, "a.json is no JSON: Expecting value in line 1"),
    ],
)
def test_a_zip_without_the_description_is_refused(files: dict[str, Any], told: str, tmp_path: Path) -> None:
    """A zip that holds nothing to compare says what it holds instead."""
    assert told in complaint(packed(tmp_path, **files))


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.json", b'{"openapi": ', "a.json is no JSON: Expecting value in line 1"),
        ("a.json", b"\xff\xfe", "is not UTF-8 text"),
        ("a.yaml", b"a: [", "a.yaml is neither JSON nor YAML: "),
        ("a.yaml", b"{a: [", "a.yaml is neither JSON nor YAML: "),
        ("a.yaml", b"a: !!timestamp x", "a.yaml is neither JSON nor YAML"),
        ("a.yaml", b"a: !!python/object/apply:os.getcwd []", "a.yaml is neither JSON nor YAML"),
        ("a.yaml", b"a: \x00", "a.yaml is neither JSON nor YAML"),
        ("a.json", b"[" * 100_000, "nested beyond measure"),
        ("a.yaml", b"&a [*a]", "nested beyond measure"),
        ("a.json", b'{"a": ' + b"9" * 5000 + b"}", "a number beyond measure"),
        ("a.zip", b"PK\x03\x04" + b"x" * 40 + b"PK\x05\x06" + bytes(18), "no JSON or YAML files"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_in_words(name: str, content: bytes, told: str, tmp_path: Path) -> None:
    """Whatever the file is, one sentence says what is wrong with it and another what to do."""
    assert told in complaint(write(tmp_path, name, content))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A wrong name and a directory are told with their names."""
    assert "can't be read: No such file" in complaint(tmp_path / "x.json")
    assert "can't be read: Is a directory" in complaint(tmp_path)


def test_a_damaged_zip_is_told(tmp_path: Path) -> None:
    """A zip that does not unpack is told in a sentence."""
    path = packed(tmp_path, a_json=derived())
    data = bytearray(path.read_bytes())
    data[60:90] = bytes(30)
    path.write_bytes(data)
    assert "this zip can't be opened" in complaint(path)


def test_an_encrypted_zip_is_told(tmp_path: Path) -> None:
    """A zip that asks for a password is told in a sentence."""
    path = packed(tmp_path, a_json=derived())
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert "encrypted" in complaint(path)


def test_bombs_do_not_go_off(tmp_path: Path) -> None:
    """A zip that unpacks to very much, a file that is endless, and YAML that multiplies itself are refused, and soon."""
    begun = time.monotonic()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        for number in range(4):
            made.writestr(f"{number}.json", bytes(20_000_000))
    assert "unpacks to more than 60 million bytes" in complaint(write(tmp_path, "bomb.zip", archive.getvalue()))
    assert "more than 20 million bytes" in complaint(Path("/dev/zero"))
    levels = "".join(f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 9)}]\n" for level in range(1, 9))
    assert "more than 20 YAML aliases" in complaint(write(tmp_path, "bomb.yaml", f"l0: &l0 [x]\n{levels}"))
    assert "more than 5 million characters" in complaint(write(tmp_path, "long.yaml", "a: b\n" * 1_000_001))
    many = packed(tmp_path, **{f"f{number}_json": "{}" for number in range(501)})
    assert "the zip holds 501 JSON or YAML files" in complaint(many)
    assert time.monotonic() - begun < 60


@given(data=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_bytes_make_it_stumble(data: bytes, tmp_path: Path) -> None:
    """Any file is read or refused in words."""
    for name in ("a.json", "a.yaml", "a.zip"):
        try:
            assert read(write(tmp_path, name, data)).main == name
        except UsageError as refused:
            assert refused.repair  # noqa: PT017  either outcome is fine


def test_matters_is_told_of_what_was_read(tmp_path: Path) -> None:
    """What is read from a file is what is compared."""
    document = derived()
    schemas(document)["RegistrationType"]["enum"] = ["IN", "OUT"]
    assert matters(compare(read(write(tmp_path, "a.json", json.dumps(document))), Expected())[1])

"""What the page's modules assume: the shapes of the API's documents, and words for everything they say."""

import re
from pathlib import Path

import pytest
from pydantic import TypeAdapter

import fractura
from fractura.inference.results import DetectionRow
from fractura.web import schemas, training_schemas

PAGE = Path(fractura.__file__).parent / "web" / "page"
TYPES = (PAGE / "types.js").read_text(encoding="utf-8")
SCHEMAS = {
    "Box": schemas.Box,
    "Detection": schemas.Suggestion,
    "PlainLabels": schemas.AnnotationIn,
    "ImageRow": schemas.ImageItem,
    "ImageEvent": schemas.ImageEvent,
    "ImageFacts": schemas.ImageDetail,
    "ImagePage": schemas.ImageList,
    "RelatedImage": schemas.RelatedImage,
    "RelatedImages": schemas.RelatedImages,
    "Note": schemas.Note,
    "Annotation": schemas.Annotation,
    "Session": schemas.Session,
    "ListedFolder": schemas.ListedFolder,
    "FolderListing": schemas.FolderListing,
    "ClassName": schemas.ClassName,
    "ClassNames": schemas.ClassNames,
    "OperatingPoint": schemas.OperatingPoint,
    "Model": schemas.ModelInfo,
    "Models": schemas.ModelList,
    "ImageSuggestions": schemas.ImageSuggestions,
    "SuggestionRun": schemas.SuggestionStatus,
    "Training": training_schemas.TrainingStatus,
    "TrainingResult": training_schemas.TrainingResult,
    "DetectionRow": DetectionRow,
    "DetectedImage": schemas.DetectedImage,
    "DetectResponse": schemas.DetectionResponse,
}
COMBINED = {
    "Detection": ("Box", {"score": False, "probability": True}),
    "ImageEvent": ("ImageRow", {"etag": True}),
    "ImageFacts": ("ImageRow", "ImageHeader"),
    "RelatedImage": ("ImageRow", {"relation": False}),
}
"""Intersections of types: what they are made of."""


def properties(name: str) -> dict[str, bool]:
    """The properties of a type of ``types.js``, each with whether it may be null."""
    if name in COMBINED:
        found = {}
        for part in COMBINED[name]:
            found |= part if isinstance(part, dict) else properties(part)
        return found
    if block := re.search(rf"@typedef {{object}} {name}\b.*\n((?: \* @property .*\n)+)", TYPES):
        members = re.findall(r"@property {(.*)} \[?(\w+)\]?", block[1])
        return {
            member: "null" in kind.split("{")[0].split("<")[0] or kind.endswith("| null") for kind, member in members
        }
    inline = re.search(rf"@typedef {{{{(.*)}}}} {name}\b", TYPES)
    assert inline, f"types.js has no type {name}"
    return {member: "null" in kind for member, kind in re.findall(r"(\w+): ([^,]+)", inline[1])}


@pytest.mark.parametrize("name", SCHEMAS)
def test_types_of_the_page_are_those_of_the_api(name):
    document = TypeAdapter(SCHEMAS[name]).json_schema(mode="serialization")
    expected = {
        member: {"type": "null"} in kind.get("anyOf", []) for member, kind in document["properties"].items()
    }  # fmt: skip
    assert properties(name) == expected


def test_every_word_is_used_and_every_used_word_is_there():
    words = set(re.findall(r'^  "?([\w.]+)"?:', (PAGE / "words_en.js").read_text(encoding="utf-8"), flags=re.M))
    files = [path for path in PAGE.iterdir() if path.suffix in (".js", ".html") and not path.name.startswith("words_")]
    code = "".join(path.read_text(encoding="utf-8") for path in files)
    used = set(re.findall(r'"([\w.]+)"', code))
    used |= {f"{word}.touch" for word in used}
    built = set(re.findall(r"`(\w+\.)\$\{", code))  # say(`state.${image.state}`)
    assert {word for word in words - used if not word.startswith(tuple(built))} == set()
    said = set(re.findall(r'\bsay\("([\w.]+)"', code)) | set(
        re.findall(r'data-(?:say|label|tip|hint)="([\w.]+)"', code)
    )
    said |= set(re.findall(r'\bword: "([\w.]+)"', code))
    assert said - words == set()

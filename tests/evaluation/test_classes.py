"""Classes of images in a model's words."""

import pytest
from support.evaluation_images import dataset, image

from fractura.core.errors import DataError, UsageError
from fractura.evaluation.classes import align_classes, join_classes, match_names

BOX = [10, 10, 60, 60]


@pytest.mark.parametrize(
    ("names", "known", "expected"),
    [
        (["cast"], ["fracture", "cast"], {"cast": "cast"}),
        ([" Cast", "CAST"], ["fracture", "cast"], {" Cast": "cast", "CAST": "cast"}),
        (["fracture"], ["Fractura"], {"fracture": "Fractura"}),
        (["fracture", "Fracture "], ["Fractura"], {"fracture": "Fractura", "Fracture ": "Fractura"}),
        (["fracture", "cast"], ["Fractura"], {}),
        (["Fractura", "cast"], ["Fractura"], {"Fractura": "Fractura"}),
        (["fracture"], ["Fractura", "cast"], {}),
        (["a", "A"], ["A", "a"], {"a": "a", "A": "A"}),
        ([], ["Fractura"], {}),
        (["fracture"], [], {}),
    ],
)
def test_names_that_mean_a_known_one(names, known, expected):
    assert match_names(names, known) == expected


def test_the_only_class_of_the_images_is_the_only_one_of_the_model_and_that_is_said():
    problems = []
    images = dataset(image([BOX, BOX], [1, 1]), image(name="b.png"), class_names=["cast", "fracture"])
    aligned = align_classes(images, ("Fractura",), problems=problems)
    assert aligned.class_names == ("Fractura",)
    assert aligned.boxes_by_class == {"Fractura": 2}
    assert [str(each) for each in problems] == [
        "2 boxes of the class 'fracture' are taken for the only class known, 'Fractura'"
    ]


def test_another_spelling_is_no_other_class_and_nothing_is_said_of_it():
    problems = []
    images = dataset(image([BOX, BOX, BOX], [0, 1, 2]), class_names=["fractura", "Fractura ", "CAST"])
    aligned = align_classes(images, ("cast", "Fractura"), problems=problems)
    assert aligned.records[0].boxes.labels.tolist() == [1, 1, 0]
    assert problems == []


def test_a_class_that_means_none_is_refused_until_it_is_renamed():
    images = dataset(image([BOX, BOX], [0, 1]), class_names=["hairline", "displaced"])
    with pytest.raises(DataError, match=r"--rename 'hairline=Fractura'"):
        align_classes(images, ("Fractura",))
    with pytest.raises(DataError, match=r"--rename 'displaced=Fractura'"):
        align_classes(images, ("Fractura",), renamed={"hairline": "Fractura"})
    with pytest.raises(DataError, match=r"it knows fracture, plaster cast; .* --rename 'a cast=plaster cast'"):
        align_classes(dataset(image([BOX]), class_names=["a cast"]), ("fracture", "plaster cast"))
    both = {"hairline": "Fractura", "displaced": "Fractura"}
    assert align_classes(images, ("Fractura",), renamed=both).boxes_by_class == {"Fractura": 2}


@pytest.mark.parametrize("renamed", [{"hairlines": "Fractura"}, {"hairline": "Fracture"}])
def test_what_is_not_there_cannot_be_renamed(renamed):
    images = dataset(image([BOX], [0]), class_names=["hairline"])
    with pytest.raises(UsageError, match="there is no class"):
        align_classes(images, ("Fractura",), renamed=renamed)


@pytest.mark.parametrize(
    ("names", "expected", "remarks"),
    [
        ([["fracture"], ["Fractura"]], ("fracture",), 1),
        ([["fracture"], ["FRACTURE "], ["Fractura"]], ("fracture",), 1),
        ([[], ["fracture"]], ("fracture",), 0),
        ([["fracture"], ["cast"], ["cast", "Fracture"]], ("fracture", "cast"), 0),
        ([[], []], (), 0),
    ],
)
def test_one_list_of_classes_for_all(names, expected, remarks):
    problems = []
    drawn = [dataset(image([BOX] * len(each), list(range(len(each)))), class_names=each) for each in names]
    assert [each.class_names for each in join_classes(drawn, problems)] == [expected] * len(names)
    assert len(problems) == remarks


def test_without_a_list_of_problems_what_is_taken_for_another_name_is_logged(caplog):
    align_classes(dataset(image([BOX]), class_names=["fracture"]), ("Fractura",))
    assert "1 boxes of the class 'fracture' are taken for the only class known, 'Fractura'" in caplog.text


def test_readers_names_can_be_renamed_to_each_others():
    drawn = [
        dataset(image([BOX, BOX], [0, 1]), class_names=["hairline", "cast"]),
        dataset(image([BOX, BOX], [0, 1]), class_names=["Cast", "fracture"]),
    ]
    joined = join_classes(drawn, [], renamed={"hairline": "fracture"})
    assert [each.class_names for each in joined] == [("fracture", "cast")] * 2
    assert [each.records[0].boxes.labels.tolist() for each in joined] == [[0, 1], [1, 0]]
    for renamed in ({"hairlin": "fracture"}, {"hairline": "fractur"}):
        with pytest.raises(UsageError, match="there is no class"):
            join_classes(drawn, [], renamed=renamed)

"""Tables of reader studies: what is read from them, what is refused, and the figures of merit by their definitions."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from support.evaluation_images import dataset, image

from fractura.core.errors import DataError
from fractura.evaluation.reader_study import Localisations, ReaderStudy, figures_of, read_reader_study
from fractura.evaluation.reader_study.ratings import NOT_FOUND

BOX, OTHER = [10, 10, 60, 60], [100, 100, 150, 150]
HEADER = "reader,modality,image,rating,fractured\n"
PLACES = "reader,modality,image,rating,x,y,w,h\n"


def table(tmp_path, text):
    (tmp_path / "study.csv").write_text(text, encoding="utf-8")
    return tmp_path / "study.csv"


def rows(**changes):
    """Two readers, two modalities, two normal and two fractured images; ratings by ``reader/modality/image``."""
    cells = []
    for reader in ("Ana", "Ben"):
        for modality in ("without", "with"):
            for name, kind in (("a.png", 0), ("b.png", 0), ("c.png", 1), ("d.png", 1)):
                rating = changes.get(f"{reader}/{modality}/{name[0]}", 3 * kind + 1)
                cells.append(f"{reader},{modality},{name},{rating},{kind}")
    return HEADER + "\n".join(cells) + "\n"


def test_a_table_of_whole_images(tmp_path):
    study = read_reader_study(table(tmp_path, rows(**{"Ben/with/b": 2.5})))
    assert (study.modalities, study.readers) == (("without", "with"), ("Ana", "Ben"))
    assert study.images == ("a.png", "b.png", "c.png", "d.png")
    assert study.fractured.tolist() == [False, False, True, True]
    assert study.ratings[1, 1].tolist() == [1, 2.5, 4, 4]
    assert study.localisations is None


def test_semicolons_and_paths_and_columns_in_another_order(tmp_path):
    text = rows().replace(",a.png,", ",sub\\a.png,").replace(",", ";").replace("Fractured", "FRACTURED")
    study = read_reader_study(table(tmp_path, text.replace("reader;modality", "Reader;Modality")))
    assert study.images[0] == "a.png"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("rating,", "score,"), "no column 'rating'"),
        (lambda text: text.replace("Ana,with,b.png,1,0\n", ""), "1 readings are missing, such as that of b.png by Ana"),
        (lambda text: text + "Ana,with,b.png,1,0\n", "line 18: Ana rates b.png with with a second time"),
        (lambda text: text.replace("Ben,with,c.png,4,1", "Ben,with,c.png,four,1"), "line 16: rating is not a number"),
        (lambda text: text.replace("Ben,with,c.png,4,1", "Ben,with,c.png,4,0"), "c.png is fractured in one row and"),
        (lambda text: text.replace("Ben,with,c.png,4,1", "Ben,with,c.png,4,maybe"), "fractured is 'maybe'"),
        (lambda text: text.replace("Ben,with,c.png,4,1", ",with,c.png,4,1"), "names no reader"),
        (lambda text: text.replace(",1\n", ",\n"), "does not say whether c.png is fractured"),
        (lambda text: text.replace("d.png,4,1", "d.png,4,0"), "1 fractured and 3 normal images"),
        (lambda text: HEADER, "has no ratings"),
        (
            lambda text: text.replace("fractured\n", "fractured,x,y,w,h\n").replace(",1\n", ",1,5,5,9,9\n"),
            "places, but",
        ),
    ],
)
def test_what_cannot_be_read(tmp_path, change, said):
    with pytest.raises(DataError, match=said) as error:
        read_reader_study(table(tmp_path, change(rows())))
    assert "study.csv" in str(error.value)


def labelled():
    return dataset(
        image(name="a.png"),
        image(name="b.png"),
        image([BOX, OTHER], name="c.png"),
        image([BOX, OTHER], difficult=[False, True], name="d.png"),
        image([BOX], difficult=[True], name="e.png"),
    )


def places(*lines, images="abcde"):
    """One reader and two modalities; with the second one the reader finds nothing."""
    text = PLACES + "\n".join(f"Ana,without,{line}" for line in lines) + "\n"
    named = {line.split(".")[0] for line in lines}
    text += "".join(f"Ana,without,{name}.png,,,,,\n" for name in images if name not in named)
    return text + "".join(f"Ana,with,{name}.png,,,,,\n" for name in images)


def test_places_find_lesions(tmp_path):
    text = places(
        *("a.png,20,10,10,50,50", "a.png,40,100,100,5,5"),  # two false ones: the higher counts
        *("c.png,70,12,10,50,50", "c.png,90,10,10,50,50", "c.png,30,0,0,9,9"),  # one lesion twice, one false
        *("d.png,50,100,100,50,50", "d.png,80,10,10,50,50"),  # a difficult one is passed over
    )
    study = read_reader_study(table(tmp_path, text), labelled())
    assert study.left_out == ("e.png",)
    assert study.images == ("a.png", "c.png", "d.png", "b.png")
    found = study.localisations
    assert found.image.tolist() == [1, 1, 2]
    assert found.lesions[0, 0].tolist() == [90, NOT_FOUND, 80]
    assert found.false[0, 0].tolist() == [40, 30, NOT_FOUND, NOT_FOUND]
    assert study.ratings[0, 0].tolist() == [40, 90, 80, NOT_FOUND]
    assert (found.lesions[1] == NOT_FOUND).all()


def test_the_criterion_decides_what_a_place_finds(tmp_path):
    path = table(tmp_path, places("c.png,70,10,10,50,20"))  # IoU 0.4
    assert read_reader_study(path, labelled(), criterion="iou30").localisations.lesions[0, 0, 0] == 70
    assert read_reader_study(path, labelled(), criterion="iou50").localisations.lesions[0, 0, 0] == NOT_FOUND
    assert read_reader_study(path, labelled(), criterion="centre").localisations.lesions[0, 0, 0] == 70


def test_a_rating_of_the_whole_image_goes_before_that_of_a_place(tmp_path):
    text = places("c.png,70,10,10,50,50", "c.png,95,,,,", "b.png,15,,,,")
    study = read_reader_study(table(tmp_path, text), labelled())
    assert study.ratings[0, 0, study.images.index("c.png")] == 95
    assert study.localisations.lesions[0, 0].max() == 70
    assert study.localisations.false[0, 0].max() == NOT_FOUND


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("c.png,,10,10,5,5", "rates a place, but has no rating"),
        ("c.png,70,10,10,0,5", "the place has no area"),
        ("c.png,70,10,,5,5", "y is not a number"),
        ("z.png,70,10,10,5,5", "z.png is not among the labelled images"),
    ],
)
def test_places_that_cannot_be_read(tmp_path, line, said):
    images = "abcdez" if line.startswith("z") else "abcde"
    with pytest.raises(DataError, match=said):
        read_reader_study(table(tmp_path, places(line, images=images)), labelled())


def test_a_table_that_contradicts_the_labelled_images(tmp_path):
    other = dataset(*[image([BOX] if name == "a" else [], name=f"{name}.png") for name in "abcd"])
    with pytest.raises(DataError, match=r"says that a\.png is normal, but it has a box"):
        read_reader_study(table(tmp_path, rows()), other)


def random_study(seed, *, images=11):
    random = np.random.default_rng(seed)
    fractured = np.array([True, False, False, True] + [bool(x) for x in random.integers(0, 2, images - 4)])
    lesion = np.repeat(np.flatnonzero(fractured), random.integers(1, 4, np.count_nonzero(fractured)))
    steps = np.array([NOT_FOUND, 1.0, 2.0, 3.0])
    false, found = steps[random.integers(0, 4, (2, 2, images))], steps[random.integers(0, 4, (2, 2, len(lesion)))]
    whole = false.copy()
    for number, place in enumerate(lesion):
        whole[..., place] = np.maximum(whole[..., place], found[..., number])
    return ReaderStudy(
        ("0", "1"), ("0", "1"), tuple(map(str, range(images))), fractured, whole, Localisations(false, found, lesion)
    )


def by_definition(study, m, r, *, weighted):
    """Chakraborty's figures: every lesion against every normal image, one after the other."""
    places, total, weight = study.localisations, 0.0, 0.0
    for number, at in enumerate(places.image):
        own = 1 / np.count_nonzero(places.image == at) if weighted else 1.0
        for normal in np.flatnonzero(~study.fractured):
            lesion, false = places.lesions[m, r, number], places.false[m, r, normal]
            total += own * (1.0 if lesion > false else 0.5 if lesion == false else 0.0)
        weight += own
    return total / (weight * np.count_nonzero(~study.fractured))


@pytest.mark.parametrize("seed", range(5))
def test_figures_equal_their_definitions(seed):
    study = random_study(seed)
    figures = {each.name: each for each in figures_of(study, positive_from=2.0)}
    assert list(figures) == ["auc", "wafroc", "jafroc", "sensitivity", "specificity"]
    for m in range(2):
        for r in range(2):
            ratings = np.maximum(study.ratings[m, r], 0)  # scikit-learn refuses infinity
            assert figures["auc"].values[m, r] == pytest.approx(roc_auc_score(study.fractured, ratings))
            for name in ("wafroc", "jafroc"):
                expected = by_definition(study, m, r, weighted=name == "wafroc")
                assert figures[name].values[m, r] == pytest.approx(expected)
            called = study.ratings[m, r] >= 2
            assert figures["sensitivity"].values[m, r] == pytest.approx(called[study.fractured].mean())
            assert figures["specificity"].values[m, r] == pytest.approx(1 - called[~study.fractured].mean())


def without(study, number):
    """The study as if the image had never been read."""
    kept = np.arange(len(study.images)) != number
    places = study.localisations
    lesions = places.image != number
    renumbered = np.cumsum(kept) - 1
    return replace(
        study,
        images=tuple(np.array(study.images)[kept]),
        fractured=study.fractured[kept],
        ratings=study.ratings[..., kept],
        localisations=Localisations(
            places.false[..., kept], places.lesions[..., lesions], renumbered[places.image[lesions]]
        ),
    )


@pytest.mark.parametrize("seed", range(3))
def test_figures_without_an_image_are_those_of_the_study_without_it(seed):
    study = random_study(seed)
    up, down = np.flatnonzero(study.fractured), np.flatnonzero(~study.fractured)
    cases = {"sensitivity": up, "specificity": down}
    for figure in figures_of(study, positive_from=2.0):
        for place, number in enumerate(cases.get(figure.name, np.concatenate([up, down]))):
            [same] = [
                each for each in figures_of(without(study, number), positive_from=2.0) if each.name == figure.name
            ]
            np.testing.assert_allclose(figure.without[..., place], same.values)

import pytest

from fractura.core.errors import UsageError
from fractura.training.augmentation import RandomAffine, RandomHorizontalFlip
from fractura.training.settings import TrainSettings, differences


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"num_step": 5}, "did you mean 'num_steps'"),
        ({"learning_rate": 5}, "learning_rate_base"),
        ({"xyzzy": 5}, "xyzzy"),
        ({"num_steps": 0}, "num_steps = 0"),
        ({"batch_size": "many"}, "batch_size = 'many'"),
        ({"optimizer": "sgd"}, "optimizer"),
        ({"aim": "sensitivity=2"}, "'sensitivity=2' is not an aim"),
        ({"learning_rate_base": float("nan")}, "learning_rate_base"),
        ({"data_augmentation_options": "imagee"}, "did you mean 'image'"),
        ({"data_augmentation_options": [{"name": "random_affine", "rotation": 3}]}, "rotation"),
        ({"data_augmentation_options": [{"name": "random_nonsense"}]}, "random_nonsense"),
    ],
)
def test_mistakes_are_usage_errors_with_a_way_out(values, words):
    with pytest.raises(UsageError, match=words):
        TrainSettings.create({"data": "d", "output": "o", "model": "m", **values})


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"num_steps": 0}, "num_steps = 0: must be at least 1"),
        ({"num_steps": 2.5}, "num_steps = 2.5: must be a whole number"),
        ({"num_steps": "many"}, "num_steps = 'many': must be a whole number"),
        ({"ema_decay": 1}, "ema_decay = 1: must be less than 1"),
        ({"learning_rate_base": -1}, "--learning-rate = -1: must be more than 0"),
        ({"learning_rate_base": "high"}, "--learning-rate = 'high': must be a number"),
        ({"device": "tpu"}, "device = 'tpu': must be 'auto', 'cpu', 'cuda' or 'mps'"),
        ({"data_augmentation_options": "none at all"}, "data_augmentation_options = 'none at all': no augmentation is"),
    ],
)
def test_a_value_that_does_not_fit_is_said_in_our_words(values, words):
    with pytest.raises(UsageError) as caught:
        TrainSettings.create(
            {"data": "d", "output": "o", "model": "m", **values}, typed={"learning_rate_base": "--learning-rate"}
        )
    assert str(caught.value).startswith(words)
    assert "Input" not in str(caught.value)
    assert "Value error" not in str(caught.value)


def test_the_known_settings_are_listed_once():
    with pytest.raises(UsageError) as caught:
        TrainSettings.create({"data": "d", "output": "o", "model": "m", "xyzzy": 1, "plugh": 2, "num_step": 3})
    said = str(caught.value)
    assert said.startswith(
        "there is no setting 'xyzzy'; there is no setting 'plugh'; there is no setting 'num_step'; did"
    )
    assert said.count("negatives_per_positive") == 1


def test_a_missing_setting_is_named():
    with pytest.raises(UsageError, match="'output' is missing"):
        TrainSettings.create({"data": "d", "model": "m"})


def test_round_trip_through_json(settings):
    options = [{"name": "random_affine", "rotation_degrees": 3}, {"name": "random_horizontal_flip"}]
    chosen = settings(data_augmentation_options=options)
    assert chosen.data_augmentation_options == (RandomAffine(rotation_degrees=3), RandomHorizontalFlip())
    assert TrainSettings.create(chosen.to_dict()) == chosen


def test_recommendation_yields_to_the_user(settings):
    chosen = settings(learning_rate_base=0.5, optimizer="momentum").recommend(
        {"learning_rate_base": 0.001, "gradient_clipping_by_norm": 3}
    )
    assert chosen.learning_rate_base == 0.5
    assert chosen.gradient_clipping_by_norm == 3
    with pytest.raises(UsageError, match="nonsense"):
        settings().recommend({"nonsense": 1})


def test_differences_name_what_counts_and_only_that(settings):
    before = settings(seed=1, batch_size=4).to_dict()
    now = settings(seed=2, batch_size=4, num_steps=99, workers=3, max_minutes=1).to_dict()
    assert differences(before, now) == ["seed was 1, is 2"]


def test_what_a_loss_that_is_not_finite_asks_for_may_change_on_resume():
    assert differences({"learning_rate_base": 0.1, "mixed_precision": "auto"}, {"learning_rate_base": 0.01}) == []

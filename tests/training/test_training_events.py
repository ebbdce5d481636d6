"""Event files of TensorBoard: what is written is on the disk at once."""

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event

from fractura.formats.tfrecord.frames import read_frames
from fractura.training.logging import Events


def written(folder):
    (path,) = folder.iterdir()
    return [Event.FromString(frame.payload) for frame in read_frames(path)]


def test_a_kill_at_any_moment_loses_no_event_of_a_step_that_is_done(tmp_path):
    """A hook of another program writes last; the state that is saved next says that the step is done."""
    events = Events(tmp_path, 4)
    beginning = len(written(tmp_path))
    events.step(
        5,
        {
            "loss": 2.0,
            "learning_rate": 0.1,
            "steps_per_second": 1.0,
            "images_per_second": 4.0,
            "gradient_norm": 3.0,
        },
        {"a": 1.5},
    )
    events.scalar("Loss/regularization_loss", 0.0, 5)
    values = [value for event in written(tmp_path)[beginning:] for value in event.summary.value]
    assert [value.tag for value in values][:2] == ["Loss/total_loss", "Loss/a"]
    assert (values[-1].tag, values[-1].simple_value) == ("Loss/regularization_loss", 0.0)
    events.picture("seen", np.zeros((3, 5, 3), np.uint8), 5)
    picture = written(tmp_path)[-1].summary.value[0].image
    assert (picture.height, picture.width, picture.colorspace) == (3, 5, 3)
    assert picture.encoded_image_string.startswith(b"\x89PNG")
    events.close()

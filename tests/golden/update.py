"""Write the golden files anew: ``python tests/golden/update.py [COMMAND…]``; all commands where none is named."""

import sys
import tempfile
from pathlib import Path

_TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(_TESTS), *(str(_TESTS / folder) for folder in ("golden", "fetch", "tensorflow_od", "web"))]

from golden_commands import COMMANDS, EXPECTED, document  # noqa: E402
from golden_comparison import to_text  # noqa: E402
from golden_workshop import Workshop  # noqa: E402


def update(commands: list[str]) -> None:
    """Run the commands and write down what they write."""
    EXPECTED.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        shop = Workshop(Path(place).resolve())
        for command in commands or COMMANDS:
            (EXPECTED / f"{command}.json").write_text(to_text(document(command, shop)) + "\n", encoding="utf-8")
            sys.stderr.write(f"{command}.json\n")


if __name__ == "__main__":
    update(sys.argv[1:])

"""Write the golden files anew: ``python tests/golden/update.py [COMMAND…]``; all commands where none is named."""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from golden.commands import COMMANDS, EXPECTED, document
from golden.comparison import to_text
from golden.workshop import Workshop


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

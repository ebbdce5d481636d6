"""Write the golden files anew: ``python tests/golden/update.py [COMMAND…]``; all commands where none is named."""

import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from golden.commands import COMMANDS, EXPECTED, document
from golden.comparison import differences, to_text
from golden.workshop import Workshop


def update(commands: list[str]) -> None:
    """Run the commands and write down what they write, where it differs by more than the arithmetic of a machine."""
    EXPECTED.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        shop = Workshop(Path(place).resolve())
        for command in commands or COMMANDS:
            text = to_text(document(command, shop)) + "\n"
            path = EXPECTED / f"{command}.json"
            same = path.exists() and not differences(json.loads(path.read_text(encoding="utf-8")), json.loads(text))
            if not same:
                path.write_text(text, encoding="utf-8")
            sys.stderr.write(f"{path.name}: {'the same' if same else 'written anew'}\n")


if __name__ == "__main__":
    update(sys.argv[1:])

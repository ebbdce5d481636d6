"""The templates of the report, filled in: Jinja2, everything escaped, an unknown name in a template an error."""

from __future__ import annotations

import json
from collections.abc import Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined

from fractura.evaluation.leakage import fingerprint_of
from fractura.evaluation.report.context import subgroup_name
from fractura.evaluation.report.language import DASH, Language


def render(template: str, language: Language, **values: object) -> str:
    """A template in the reader's language, as HTML.

    Args:
        template: Its name in ``templates/``.
        language: ``_("…")`` in the template translates into it, and the filters ``number``, ``percent`` and
            ``interval`` write numbers as it does.
        values: What the template uses besides.
    """
    environment = Environment(
        loader=PackageLoader("fractura.evaluation.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(_=language.gettext, percent_sign=language.percent_sign)
    environment.filters.update(
        count=lambda number: DASH if number is None else str(number),
        fingerprint_of=fingerprint_of,
        indented_json=lambda document: json.dumps(document, indent=1, ensure_ascii=False),
        interval=language.interval,
        listed=listed,
        number=language.number,
        percent=language.percent,
        subgroup_name=lambda group: subgroup_name(group, language),
    )
    html = environment.get_template(template).render(values)
    # A file's name may hold bytes that are not UTF-8; they are shown as question marks.
    return html.encode("utf-8", "replace").decode("utf-8")


def listed(values: Mapping[str, object]) -> str:
    """Pairs in a row.

    Examples:
        >>> listed({"torch": "2.13.0", "numpy": "2.3.5"})
        'torch 2.13.0, numpy 2.3.5'
    """
    return ", ".join(f"{name} {value}" for name, value in values.items())

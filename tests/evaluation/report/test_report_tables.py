"""Tables for papers: CSV, LaTeX and Word say what the page says."""

import csv
import io

import docx
import pytest
from support.report_images import detections, images, report

from fractura.evaluation.report import tables
from fractura.evaluation.report.tables import PaperTable, latex, tables_of, word


def test_every_table_of_the_page_is_there_as_csv_latex_and_word(made):
    found = tables_of(made.read_text(encoding="utf-8"))
    folder = made.parent / "tables"
    assert {"image-metrics", "image-points", "operating-points", "subgroup-metrics"} <= {each.name for each in found}
    document = docx.Document(folder / "tables.docx")
    assert len(document.tables) == len(found)
    for table, grid in zip(found, document.tables, strict=True):
        assert [tuple(cell.text for cell in row.cells) for row in grid.rows] == [table.columns, *table.rows]
        rows = list(csv.reader(io.StringIO((folder / f"{table.name}.csv").read_text(encoding="utf-8"))))
        assert len(rows) == len(table.rows) + 1
        assert [cell.lstrip("'") for cell in rows[1]] == list(table.rows[0])
        text = (folder / f"{table.name}.tex").read_text(encoding="utf-8")
        assert text.count(r" \\") == len(table.rows) + 1
    captions = [each.text for each in document.paragraphs if each.style.name == "Caption"]
    assert captions == [each.caption for each in found]


def test_cells_hold_values_with_their_intervals(made):
    rows = {row[0]: row for each in tables_of(made.read_text(encoding="utf-8")) for row in each.rows}
    page = made.read_text(encoding="utf-8")
    value, interval = rows["AUC, by image"][1].split(" ", 1)
    assert f">{value}</span>" in page
    assert f">{interval}</span>" in page


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a & b_c #1", r"a \& b\_c \#1"),
        ("50\u202f%", r"50\,\%"),
        ("<b>", r"\textless{}b\textgreater{}"),
        ("\\x{}~^", r"\textbackslash{}x\{\}\textasciitilde{}\textasciicircum{}"),
        ("−0.5 ≥ 1", r"$-$0.5 $\ge$ 1"),
        ("χ², ∞", r"$\chi$$^2$, $\infty$"),
    ],
)
def test_signs_of_latex_are_text(text, expected):
    assert rf"\caption{{{expected}}}" in latex(PaperTable("a", text, ("x",), ()))


def test_long_cells_break_their_lines():
    assert r"{lp{0.3\linewidth}r}" in latex(PaperTable("a", "", ("x", "y", "z"), (("1", "word " * 20, "2"),)))


def test_a_table_that_is_gone_from_the_page_is_gone_from_the_folder(tmp_path):
    both, normal = images(tmp_path, count=8), images(tmp_path, count=8, positive=False)
    report(tmp_path / "out", both, detections(both))
    (tmp_path / "out" / "tables" / "mine.csv").write_text("mine", encoding="utf-8")
    report(tmp_path / "out", normal, detections(normal))
    names = {file.name for file in (tmp_path / "out" / "tables").iterdir()}
    assert not names & {"image-points.csv", "image-points.tex"}
    assert {"mine.csv", "images-crosstable.csv"} <= names


def test_without_python_docx_there_is_no_word_file(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "word_is_there", lambda: False)
    dataset = images(tmp_path, count=2)
    made = report(tmp_path / "out", dataset, detections(dataset), rounds=0)
    assert not list(made.parent.glob("**/*.docx"))
    assert (made.parent / "tables" / "image-metrics.tex").is_file()


def test_names_that_no_xml_holds_are_written_out():
    """The file was not written, and the command ended in a bug."""
    table = PaperTable("a", "reader\x08", ("x\x1b[2J",), (("\uffff1",),))
    document = docx.Document(io.BytesIO(word([table], "en")))
    cells = [cell.text for row in document.tables[0].rows for cell in row.cells]
    assert (document.paragraphs[0].text, cells) == ("reader\\x08", ["x\\x1b[2J", "\ufffd1"])


def test_word_takes_the_reader_s_language():
    document = docx.Document(io.BytesIO(word([PaperTable("a", "Título", ("x",), (("1",),))], "es")))
    assert document.core_properties.language == "es"

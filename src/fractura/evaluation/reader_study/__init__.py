"""Reader studies: the same readers read the same images with and without a model, or with several (multiple readers,
multiple cases), and how many readers and images such a study needs."""

from fractura.evaluation.reader_study.analysis import FigureAnalysis, analyse
from fractura.evaluation.reader_study.components import Components, covariance_components
from fractura.evaluation.reader_study.figures import FIGURES, Figure, figures_of
from fractura.evaluation.reader_study.power import power_of, smallest_study
from fractura.evaluation.reader_study.ratings import Localisations, ReaderStudy, read_reader_study

__all__ = [
    "FIGURES",
    "Components",
    "Figure",
    "FigureAnalysis",
    "Localisations",
    "ReaderStudy",
    "analyse",
    "covariance_components",
    "figures_of",
    "power_of",
    "read_reader_study",
    "smallest_study",
]

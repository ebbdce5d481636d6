"""The report in Spanish: every sentence that the rooms pass through ``Words``, without those of the CLAIM sheet."""

from __future__ import annotations

from collections.abc import Mapping

from fractura.evaluation.bootstrap import METHOD
from fractura.evaluation.report.spanish_claim import CLAIM

SPANISH: Mapping[str, str] = {
    **CLAIM,
    METHOD: (
        "bootstrap por percentiles, 95 %: {rounds} remuestras de {clusters} {units} con reposición; se omiten las "
        "remuestras en que una cifra no está definida; las cifras de exactamente 0 o 1 llevan el intervalo exacto del "
        "mismo número de {units} (Clopper-Pearson; Poisson para las tasas); las cifras iguales en toda remuestra no "
        "llevan ninguno"
    ),
    "IoU 0.1": "IoU 0,1",
    "IoU 0.3": "IoU 0,3",
    "IoU 0.5": "IoU 0,5",
    "IoU 0.75": "IoU 0,75",
    "centre in box": "centro en la caja",
    "study": "estudio",
    "patient": "paciente",
    "images": "radiografías",
    "studies": "estudios",
    "patients": "pacientes",
    "body part": "región anatómica",
    "view": "proyección",
    "laterality": "lateralidad",
    "box size": "tamaño de la caja",
    "small": "pequeña",
    "medium": "mediana",
    "large": "grande",
    "by image": "por radiografía",
    "by study": "por estudio",
    "by patient": "por paciente",
    "there are no images: nothing is defined": "no hay radiografías: nada está definido",
    "no box is to be found: AP, sensitivity and FROC are not defined": (
        "no hay cajas que encontrar: AP, sensibilidad y FROC no están definidas"
    ),
    "every image has a box: specificity, image AUC and false positives per normal image are not defined": (
        "todas las radiografías tienen caja: especificidad, AUC y marcas falsas por radiografía normal no están "
        "definidas"
    ),
    "the model detected nothing at all, at any score": "el modelo no marcó nada, con ninguna puntuación",
    "no image's patient is known: images count as independent, which makes intervals too narrow": (
        "no se conoce el paciente de ninguna radiografía: cuentan como independientes, lo que hace los intervalos "
        "demasiado estrechos"
    ),
    "the model's own, chosen{aim} on other images (fingerprint {images}…)": (
        "el del modelo, elegido{aim} con otras radiografías (huella {images}…)"
    ),
    "given for this evaluation; the model's own is {threshold}": (
        "dado para esta evaluación; el del modelo es {threshold}"
    ),
    " for {aim}": " para {aim}",
    "the model's own, chosen{aim} on images that its card does not name": (
        "el del modelo, elegido{aim} con radiografías que su ficha no nombra"
    ),
    "the model's own, chosen{aim} on these very images": "el del modelo, elegido{aim} con estas mismas radiografías",
    "the model's own, chosen{aim} on images that hold {shared} of these {images}": (
        "el del modelo, elegido{aim} con radiografías entre las que están {shared} de estas {images}"
    ),
    (
        "the model's own, chosen{aim} on another set of images (fingerprint {images}…); whether it shares images with "
        "these is not known"
    ): (
        "el del modelo, elegido{aim} con otro conjunto de radiografías (huella {images}…); no se sabe si comparte "
        "alguna con este"
    ),
    (
        "Whether any of these images was trained on or chose the model's final state is not known: its card lists no "
        "digests of images."
    ): (
        "No se sabe si alguna de estas radiografías sirvió para entrenar el modelo o para elegir su estado final: su "
        "ficha no lista resúmenes de radiografías."
    ),
    ("{shared} of {images} images were trained on: metrics on images that the model has not seen will be lower."): (
        "El modelo se entrenó con {shared} de {images} radiografías: con las que no ha visto, las cifras serán peores."
    ),
    (
        "{shared} of {images} images chose {what}: metrics on other images will be lower. Publish metrics of images "
        "that "
        "had no part in training or in any choice."
    ): (
        "{shared} de {images} radiografías sirvieron para elegir {what}: con otras, las cifras serán peores. Publique "
        "cifras de radiografías que no intervinieron en el entrenamiento ni en ninguna elección."
    ),
    "the threshold": "el umbral",
    "the calibration": "la calibración",
    "the model's final state": "el estado final del modelo",
    " and ": " y ",
    "There are no intervals: nobody can tell how far chance alone may move a metric.": (
        "No hay intervalos: no se puede saber cuánto puede mover el azar una cifra."
    ),
    "No fracture was missed at the threshold.": "En el umbral no se pasó por alto ninguna fractura.",
    "There is no false positive at the threshold.": "En el umbral no hay ninguna marca falsa.",
    "it lies on a drawn box (IoU {overlap}) that a better detection found already, or that is of another class": (
        "está sobre una caja dibujada (IoU {overlap}) que otra marca mejor ya encontró, o que es de otra clase"
    ),
    (
        "Dashed green: drawn by people. Solid: annotated by the model, with class and score. The small picture shows "
        "where on the image the detail lies. Shown: {shown} of {images} images, worst first."
    ): (
        "Verde discontinuo: dibujado por personas. Línea continua: marcado por el modelo, con clase y puntuación. La "
        "imagen pequeña muestra dónde está el detalle. Se muestran {shown} de {images} radiografías, las peores "
        "primero."
    ),
    (
        "{name} of {wide} × {high} pixels, {share} of the image: {near}. Missed on this image: {missed} of {boxes}; "
        "false positives: {false}."
    ): (
        "{name} de {wide} × {high} píxeles, {share} de la radiografía: {near}. No encontradas en esta radiografía: "
        "{missed} de {boxes}; marcas falsas: {false}."
    ),
    "Detail of the radiograph {image}: a fracture that was not annotated, in a dashed frame, {place}.": (
        "Detalle de la radiografía {image}: una fractura que no se marcó, en un marco discontinuo, {place}."
    ),
    "The worst misses": "Los peores fallos por omisión",
    (
        "False positive of score {score}, {wide} × {high} pixels, {share} of the image: {why}. False positives on this "
        "image: "
        "{false}."
    ): (
        "Marca falsa de puntuación {score}, {wide} × {high} píxeles, {share} de la radiografía: {why}. Marcas falsas "
        "en esta radiografía: {false}."
    ),
    "Detail of the radiograph {image}: a false positive of score {score} in a solid frame, {place}.": (
        "Detalle de la radiografía {image}: una marca falsa de puntuación {score} en un marco continuo, {place}."
    ),
    "The worst false alarms": "Las peores falsas alarmas",
    "a normal image": "una radiografía normal",
    "away from the fracture on this image": "lejos de la fractura de esta radiografía",
    "it overlaps a drawn box, but with IoU {overlap} only": (
        "se solapa con una caja dibujada, pero solo con IoU {overlap}"
    ),
    "the best candidate there scores {score}": "el mejor candidato allí puntúa {score}",
    "no candidate lies there, at any score": "allí no hay ningún candidato, con ninguna puntuación",
    "The whole radiograph, small; a white frame shows where the detail lies.": (
        "La radiografía entera, pequeña; un marco blanco muestra dónde está el detalle."
    ),
    "The image cannot be shown: it cannot be read any more.": "La radiografía no se puede mostrar: ya no se puede "
    "leer.",
    "The image is not shown: it says that writing is burnt in.": (
        "La radiografía no se muestra: indica que lleva texto grabado."
    ),
    "at the upper left of the image": "arriba a la izquierda de la radiografía",
    "at the top of the image": "en la parte superior de la radiografía",
    "at the upper right of the image": "arriba a la derecha de la radiografía",
    "at the left of the image": "a la izquierda de la radiografía",
    "in the middle of the image": "en el centro de la radiografía",
    "at the right of the image": "a la derecha de la radiografía",
    "at the lower left of the image": "abajo a la izquierda de la radiografía",
    "at the bottom of the image": "en la parte inferior de la radiografía",
    "at the lower right of the image": "abajo a la derecha de la radiografía",
    "False positives per image (mean number, log scale)": "Marcas falsas por radiografía (número medio, escala "
    "logarítmica)",
    "Fractures found (% of boxes)": "Fracturas encontradas (% de las cajas)",
    "Normal images flagged (%, 100 − specificity)": "Normales señaladas (%, 100 − especificidad)",
    "Fractured images flagged (%, sensitivity)": "Con fractura señaladas (%, sensibilidad)",
    "Fractures found (%, recall)": "Fracturas encontradas (%, exhaustividad)",
    "Detections that are right (%, precision)": "Marcas acertadas (%, precisión)",
    "Score of the image (its best detection, 0 to 1)": "Puntuación de la radiografía (su mejor marca, 0 a 1)",
    "Images (% of their kind)": "Radiografías (% de su tipo)",
    "Fractures found (% of boxes, 95 % interval)": "Fracturas encontradas (% de las cajas, intervalo del 95 %)",
    "Part (number of boxes)": "Parte (número de cajas)",
    "by chance": "por azar",
    "perfect agreement": "acuerdo perfecto",
    "groups of equal size, 95 % interval": "grupos de igual tamaño, intervalo del 95 %",
    "Score of the image (mean of the group, 0 to 1)": "Puntuación de la radiografía (media del grupo, 0 a 1)",
    "Images with a fracture (% of the group)": "Con fractura (% del grupo)",
    "Score of the detection (mean of the group, 0 to 1)": "Puntuación de la marca (media del grupo, 0 a 1)",
    "Detections that are right (% of the group)": "Marcas acertadas (% del grupo)",
    "threshold": "umbral",
    "normal images": "normales",
    "fractured images": "con fractura",
    "What was measured, and with what": "Qué se midió y con qué",
    "Notes": "Notas",
    "not known": "no se sabe",
    "Read from": "Leídas de",
    "Fingerprint (SHA-256)": "Huella (SHA-256)",
    "Images": "Radiografías",
    "{images}: {positive} with a fracture, {negative} normal": "{images}: {positive} con fractura, {negative} normales",
    "Boxes": "Cajas",
    "{boxes}, and {difficult} difficult": "{boxes}, y {difficult} difíciles",
    "Patients": "Pacientes",
    "Studies": "Estudios",
    "Classes": "Clases",
    "Name": "Nombre",
    "Architecture": "Arquitectura",
    "Trained on (fingerprint)": "Entrenado con (huella)",
    "Validated on (fingerprint)": "Validado con (huella)",
    "Of these images, trained on": "De estas radiografías, entrenado con",
    "Of these images, chose the model's final state": "De estas radiografías, eligieron el estado final",
    "Of these images, chose the threshold": "De estas radiografías, eligieron el umbral",
    "Threshold": "Umbral",
    "Views of an image": "Vistas de una radiografía",
    "Calibration": "Calibración",
    "Trained with": "Entrenado con",
    "Training settings": "Ajustes del entrenamiento",
    "Architecture in full": "Arquitectura completa",
    "None.": "Ninguna.",
    "yes": "sí",
    "none": "ninguno",
    "not on the card": "no consta en la ficha",
    "Measured with": "Medido con",
    "Intervals": "Intervalos",
    "Model": "Modelo",
    "This measurement": "Esta medición",
    "Evaluation of {model}": "Evaluación de {model}",
    "on {data}: {images} images, {positive} of them with a fracture, {boxes} annotated fractures": (
        "con {data}: {images} radiografías, {positive} de ellas con fractura, {boxes} fracturas marcadas"
    ),
    "Made by fractura {version}. A research tool, not a medical device: not for diagnosis or treatment.": (
        "Hecho con fractura {version}. Herramienta de investigación, no un producto sanitario: no sirve para "
        "diagnosticar ni tratar."
    ),
    "In short": "En resumen",
    "Whole images": "Radiografías enteras",
    "Single fractures": "Fracturas una a una",
    "False positives on normal images": "Marcas falsas en radiografías normales",
    "Can the scores be believed?": "¿Se puede creer en las puntuaciones?",
    "Parts of the images": "Partes de las radiografías",
    "FROC curve": "Curva FROC",
    (
        "Free-response ROC: the more false positives one accepts per image, the more fractures are found. A ring "
        "detections the "
        "threshold, if it lies on the axis; the band is the 95 % interval of {criterion}."
    ): (
        "ROC de respuesta libre: cuantas más marcas falsas por radiografía se aceptan, más fracturas se encuentran. Un "
        "anillo señala el umbral, si cae en el eje; la banda es el intervalo del 95 % de {criterion}."
    ),
    "FROC curves by criterion": "Curvas FROC por criterio",
    "The same curves one by one, each with its 95 % interval.": (
        "Las mismas curvas una a una, cada una con su intervalo del 95 %."
    ),
    "ROC curve": "Curva ROC",
    (
        "Receiver operating characteristic of whole images: the further to the upper left, the better. The ring is the "
        "threshold, its cross the 95 % intervals."
    ): (
        "Característica operativa del receptor de radiografías enteras: cuanto más arriba a la izquierda, mejor. El "
        "anillo es el umbral; su cruz, los intervalos del 95 %."
    ),
    "Scores of the images": "Puntuaciones de las radiografías",
    "How images score: the less the two kinds overlap, the better the model tells them apart.": (
        "Cómo puntúan las radiografías: cuanto menos se solapan los dos tipos, mejor los distingue el modelo."
    ),
    "Precision and recall": "Precisión y exhaustividad",
    "Of the detections, how many are right, when so many of the fractures are to be found. Mean over classes.": (
        "Cuántas de las marcas son acertadas cuando se quiere encontrar tal parte de las fracturas. Media de las "
        "clases."
    ),
    "Reliability of image scores": "Fiabilidad de las puntuaciones de las radiografías",
    "Images grouped by score: on the dotted line, scores are true probabilities; below it, they promise too much.": (
        "Radiografías agrupadas por puntuación: sobre la línea de puntos son probabilidades verdaderas; por debajo, "
        "prometen demasiado."
    ),
    "Reliability of detection scores": "Fiabilidad de las puntuaciones de las marcas",
    "The same for single detections; a detection is right by {criterion}.": (
        "Lo mismo para cada marca; una marca acierta según {criterion}."
    ),
    "Fractures found in parts of the images": "Fracturas encontradas en partes de las radiografías",
    "Squares with 95 % intervals; the dashed line is that of all images. By {criterion}.": (
        "Cuadrados con intervalos del 95 %; la línea discontinua es la de todas. Según {criterion}."
    ),
    (
        "fractura is a research tool, not a medical device. This page holds pictures of images: treat it as you treat "
        "the images."
    ): (
        "fractura es una herramienta de investigación, no un producto sanitario. Esta página contiene imágenes de "
        "radiografías: trátela como trata las radiografías."
    ),
    "Contents": "Contenido",
    "Files beside this page:": "Archivos junto a esta página:",
    (
        "All but the AUC hold at the threshold {threshold} ({origin}). An image counts as flagged if it carries any "
        "detection, in the right place or not."
    ): (
        "Todo salvo la AUC vale en el umbral {threshold} ({origin}). Una radiografía cuenta como señalada si lleva "
        "alguna marca, en el lugar correcto o no."
    ),
    "Whole images at the threshold (95 % interval)": "Radiografías enteras en el umbral (intervalo del 95 %)",
    "Sensitivity": "Sensibilidad",
    "Specificity": "Especificidad",
    "Positive predictive value": "Valor predictivo positivo",
    "Negative predictive value": "Valor predictivo negativo",
    "AUC": "AUC",
    "Number of images": "Número de radiografías",
    "COCO, 0.5 to 0.95": "COCO, 0,5 a 0,95",
    "Average precision, 0 to 1: for comparison with other detectors": (
        "Precisión media (AP), 0 a 1: para comparar con otros detectores"
    ),
    "Scores are shown as the probabilities that the model's calibration makes of them.": (
        "Las puntuaciones se muestran como las probabilidades que da la calibración del modelo."
    ),
    (
        "The model carries no calibration: its scores are raw, and a score of 0.8 need not mean that 8 in 10 such "
        "images are fractured. fractura calibrate teaches it."
    ): (
        "El modelo no lleva calibración: sus puntuaciones son brutas, y 0,8 no tiene por qué significar que 8 de cada "
        "10 tengan fractura. Se calibra con fractura calibrate."
    ),
    "Part": "Parte",
    "Fractured": "Con fractura",
    "Fractures found": "Fracturas encontradas",
    "Image sensitivity": "Sensibilidad por radiografía",
    "Image specificity": "Especificidad por radiografía",
    "Image AUC": "AUC por radiografía",
    "False positives per normal image": "Marcas falsas por radiografía normal",
    "{part} of {count} annotated fractures; a detection must overlap the box by {criterion} or more": (
        "{part} de {count} fracturas marcadas; la marca debe solaparse con la caja con {criterion} o más"
    ),
    "Fractured images flagged": "Con fractura señaladas",
    "{part} of {count} images; sensitivity": "{part} de {count} radiografías; sensibilidad",
    "Normal images left alone": "Normales sin señalar",
    "{part} of {count} images; specificity": "{part} de {count} radiografías; especificidad",
    "mean number; each is a place somebody has to look at in vain": (
        "número medio; cada una es un lugar que alguien mira en vano"
    ),
    "AUC of images": "AUC por radiografía",
    "Metric": "Cifra",
    "Value": "Valor",
    (
        "Predictive values hold for a share of fractured images of {share}, as here. Where fractures are rarer, the "
        "positive one is lower and the negative one higher."
    ): (
        "Los valores predictivos valen para una proporción de radiografías con fractura de {share}, como aquí. Donde "
        "son más raras, el positivo es menor y el negativo mayor."
    ),
    "With a fracture": "Con fractura",
    "Normal": "Normal",
    "Flagged": "Señaladas",
    "Not flagged": "Sin señalar",
    "All": "Todas",
    (
        "When does a detection find a fracture? Four answers stand beside each other: an overlap (intersection over "
        "union, "
        "IoU) with the drawn box of at least 0.1, 0.3 or 0.5, or the detection's centre inside the box. Fractures are "
        "small "
        "and long and drawn differently by different people, so that {criterion} is the one that texts and pictures "
        "here go by."
    ): (
        "¿Cuándo encuentra una marca una fractura? Hay cuatro respuestas: un solapamiento (intersección entre unión, "
        "IoU) con la caja dibujada de al menos 0,1, 0,3 o 0,5, o el centro de la marca dentro de la caja. Las "
        "fracturas son pequeñas y alargadas y cada persona las dibuja de otro modo; por eso los textos e imágenes "
        "siguen {criterion}."
    ),
    "Share of fractures found, at so many false positives per image on average (95 % interval)": (
        "Fracturas encontradas con tantas marcas falsas por radiografía en promedio (intervalo del 95 %)"
    ),
    "At the threshold {threshold}": "En el umbral {threshold}",
    "All classes": "Todas las clases",
    "Normal images by their number of detections": "Radiografías normales por número de marcas",
    "Errors of the scores, 0 to 1; 0 is best": "Errores de las puntuaciones, 0 a 1; 0 es lo mejor",
    (
        "Small parts have wide intervals, and among many parts some differ by chance alone: a difference here is a "
        "question, not an answer."
    ): (
        "Las partes pequeñas tienen intervalos anchos, y entre muchas partes algunas difieren por azar: una diferencia "
        "aquí es una pregunta, no una respuesta."
    ),
    "Metrics of parts of the images (95 % interval)": "Cifras de partes de las radiografías (intervalo del 95 %)",
    "chance that a fractured image scores above a normal one; 0.5 is guessing": (
        "probabilidad de que una con fractura puntúe más que una normal; 0,5 es adivinar"
    ),
    "not defined on these images": "no definida en estas radiografías",
    "95 % CI {interval}": "IC 95 % {interval}",
    "False positives per image": "Marcas falsas por radiografía",
    "Score from, for {criterion}": "Puntuación desde, según {criterion}",
    "{number} or more": "{number} o más",
    "On average, a normal image gets this many detections, all of them false: ": (
        "En promedio, una radiografía normal recibe este número de marcas, todas falsas: "
    ),
    "Detections on the image": "Marcas en la radiografía",
    "Share": "Proporción",
    "Scores of": "Puntuaciones de",
    "Expected calibration error": "Error de calibración esperado",
    "Brier score": "Puntuación de Brier",
    "Fractures found (sensitivity)": "Fracturas encontradas (sensibilidad)",
    "Detections that are right (precision)": "Marcas acertadas (precisión)",
    "F1, of the two": "F1, de ambas",
    "Detections": "Marcas",
    "Nothing divides these images into parts.": "Nada divide estas radiografías en partes.",
}

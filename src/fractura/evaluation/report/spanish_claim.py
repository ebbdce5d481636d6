"""The CLAIM sheet in Spanish: what it asks for, what a run answers, what is left to the authors."""

from __future__ import annotations

from collections.abc import Mapping

CLAIM: Mapping[str, str] = {
    "The title or abstract names the AI method": "El título o el resumen nombra el método de IA",
    "Name it, such as: deep learning, object detection.": (
        "Nómbrelo, por ejemplo: aprendizaje profundo, detección de objetos."
    ),
    "Structured summary of design, methods, results and conclusions": (
        "Resumen estructurado de diseño, métodos, resultados y conclusiones"
    ),
    "Write it.": "Escríbalo.",
    "Scientific and clinical background, intended use": "Antecedentes científicos y clínicos, uso previsto",
    "Objectives and hypotheses": "Objetivos e hipótesis",
    "Write them.": "Escríbalos.",
    "Prospective or retrospective study": "Estudio prospectivo o retrospectivo",
    "Say which.": "Diga cuál.",
    "Goal of the study": "Meta del estudio",
    "Say whether it is a feasibility study, a new model, a validation.": (
        "Diga si es un estudio de viabilidad, un modelo nuevo o una validación."
    ),
    "Sources of the data": "Procedencia de los datos",
    "Say which hospitals, machines and years the images come from.": (
        "Diga de qué hospitales, aparatos y años son las radiografías."
    ),
    "How, where and when images were chosen": "Cómo, dónde y cuándo se eligieron las radiografías",
    "Say who was eligible and who was left out, and why.": "Diga quién podía entrar, quién quedó fuera y por qué.",
    "Pre-processing": "Preprocesamiento",
    "Say what was done to the images before fractura read them.": (
        "Diga qué se hizo con las radiografías antes de que fractura las leyera."
    ),
    "Choice of parts of the data": "Selección de partes de los datos",
    "Say if images were left out before, and by which rule.": (
        "Diga si antes se excluyeron radiografías y con qué regla."
    ),
    "Definitions of the data elements": "Definición de los elementos de los datos",
    "Define what counts as a fracture and how boxes were to be drawn.": (
        "Defina qué cuenta como fractura y cómo debían dibujarse las cajas."
    ),
    "De-identification": "Anonimización",
    "Say how names were taken off the images and out of the files.": (
        "Diga cómo se quitaron los nombres de las imágenes y de los archivos."
    ),
    "Missing data": "Datos ausentes",
    "Say how missing images and facts were dealt with.": "Diga cómo se trataron las radiografías y datos ausentes.",
    "Definition of the ground truth": "Definición de la verdad de referencia",
    "Say what the boxes rest on: one reading, consensus, CT, follow-up.": (
        "Diga en qué se basan las cajas: una lectura, consenso, TC, seguimiento."
    ),
    "Why this ground truth": "Por qué esta referencia",
    "Give the reason, and its weak sides.": "Dé la razón y sus puntos débiles.",
    "Source of the boxes, qualification of those who drew them": (
        "Origen de las cajas, cualificación de quienes las dibujaron"
    ),
    "Give number, profession and experience.": "Dé número, profesión y experiencia.",
    "Tools of annotation": "Herramientas de anotación",
    "Name program and version.": "Nombre programa y versión.",
    "Variability within and between those who drew, and how disagreement was settled": (
        "Variabilidad de y entre quienes dibujaron, y cómo se resolvió el desacuerdo"
    ),
    "Let two people draw the same images and measure it with: fractura agree.": (
        "Haga que dos personas dibujen las mismas radiografías y mídalo con: fractura agree."
    ),
    "Intended sample size and how it was found": "Tamaño de muestra previsto y cómo se halló",
    "Give the calculation.": "Dé el cálculo.",
    "How images were assigned to training, validation and test": (
        "Cómo se asignaron las radiografías a entrenamiento, validación y prueba"
    ),
    "Say by which rule or program.": "Diga con qué regla o programa.",
    "Level at which the parts are disjoint": "Nivel en que las partes son disjuntas",
    "Say whether no patient is in two of them, and how you know.": (
        "Diga si ningún paciente está en dos de ellas y cómo lo sabe."
    ),
    "The model: inputs, outputs, layers": "El modelo: entradas, salidas, capas",
    "Software: libraries and versions": "Programas: bibliotecas y versiones",
    "Starting values of the weights": "Valores iniciales de los pesos",
    "Say what the starting weights had been trained on.": "Diga con qué se habían entrenado los pesos iniciales.",
    "Training: augmentation, settings, number of models": "Entrenamiento: aumento de datos, ajustes, número de modelos",
    "Say how many other settings were tried.": "Diga cuántos otros ajustes se probaron.",
    "How the final model was chosen": "Cómo se eligió el modelo final",
    "Ensembles": "Conjuntos de modelos",
    "Measures of performance": "Medidas de rendimiento",
    "Say which was the primary one, laid down beforehand.": "Diga cuál era la principal, fijada de antemano.",
    "Statistical significance and uncertainty": "Significación estadística e incertidumbre",
    "Robustness or sensitivity analysis": "Análisis de robustez o sensibilidad",
    "Add what was tried beside the parts of the images.": (
        "Añada lo que se probó además de las partes de las radiografías."
    ),
    "Explainability and its validation": "Explicabilidad y su validación",
    "Add any further method, and how it was validated.": "Añada otros métodos y cómo se validaron.",
    "Test on external data": "Prueba con datos externos",
    "Say whether these images are from elsewhere than those of training.": (
        "Diga si estas radiografías son de otro lugar que las de entrenamiento."
    ),
    "Flow of participants or images": "Flujo de participantes o radiografías",
    "Draw it, from the first query to these images.": "Dibújelo, de la primera consulta a estas radiografías.",
    "Demographic and clinical characteristics of each part": "Características demográficas y clínicas de cada parte",
    "Add age, sex and what else is known.": "Añada edad, sexo y lo demás que se sepa.",
    "Performance of the final model on all parts": "Rendimiento del modelo final en todas las partes",
    "Diagnostic accuracy with its precision": "Exactitud diagnóstica con su precisión",
    "Analysis of failures": "Análisis de los fallos",
    "Look at the pictures with a radiologist, and say what they have in common.": (
        "Mire las imágenes con un radiólogo y diga qué tienen en común."
    ),
    "Limits, bias, generalisability": "Límites, sesgos, generalización",
    "Meaning for practice": "Significado para la práctica",
    "Registration number and registry": "Número de registro y registro",
    "Give them, or say that there is none.": "Délos, o diga que no hay.",
    "Where the full protocol is": "Dónde está el protocolo completo",
    "Say where.": "Diga dónde.",
    "Funding and role of the funders": "Financiación y papel de quienes financian",
    "Say who paid, and what they decided.": "Diga quién pagó y qué decidió.",
    (
        "{alone} of {all} items are answered from this run alone, {partly} in part, {left} are the authors'. Source of "
        "the items: {source}. Check them against the version that your journal asks for."
    ): (
        "{alone} de {all} puntos se responden solo con esta ejecución, {partly} en parte, {left} son de los autores. "
        "Fuente de los puntos: {source}. Compárelos con la versión que pida su revista."
    ),
    "No.": "N.º",
    "Asked for": "Se pide",
    "From this run": "De esta ejecución",
    "Left to the authors": "Queda para los autores",
    "CLAIM checklist": "Lista CLAIM",
    "CLAIM checklist of 2020, 42 items in short": "Lista CLAIM de 2020, 42 puntos en breve",
    "CLAIM checklist for {model}": "Lista CLAIM de {model}",
    "nothing": "nada",
    "To be added by the authors:": "Lo añaden los autores:",
    "{images} images, {negatives} of them normal, boxes {boxes}, fingerprint {fingerprint}": (
        "{images} radiografías, {negatives} de ellas normales, cajas {boxes}, huella {fingerprint}"
    ),
    "Measured on {images} images read from {data}; fingerprint of images and boxes {fingerprint}.": (
        "Medido con {images} radiografías leídas de {data}; huella de radiografías y cajas {fingerprint}."
    ),
    (
        "Every image is read to 8 bits: deeper ones are scaled linearly from the number of bits that they use, DICOM "
        "as "
        "a viewer shows it, grey as three equal channels, EXIF orientation applied."
    ): (
        "Toda radiografía se lee en 8 bits: las más profundas se escalan linealmente desde los bits que usan, DICOM "
        "como lo muestra un visor, gris como tres canales iguales, con la orientación EXIF aplicada."
    ),
    "Classes of boxes: {classes}.": "Clases de las cajas: {classes}.",
    (
        "An image with at least one box that is not flagged difficult counts as fractured, one without any box as "
        "normal."
    ): (
        "Una radiografía con al menos una caja no marcada como difícil cuenta como fracturada; sin ninguna caja, como "
        "normal."
    ),
    "Of DICOM headers nothing is kept that names a person; patient ids are hashed (a pseudonym, not anonymity).": (
        "De las cabeceras DICOM no se guarda nada que nombre a una persona; los identificadores de paciente se "
        "sustituyen por un hash (un seudónimo, no anonimato)."
    ),
    "Of {images} images, not known: {facts}.": "De {images} radiografías, no se sabe: {facts}.",
    (
        "Boxes drawn on the images: {boxes} on {positive} images; {difficult} more are flagged difficult and left out "
        "of "
        "the count."
    ): (
        "Cajas dibujadas: {boxes} en {positive} radiografías; otras {difficult} están marcadas como difíciles y no "
        "cuentan."
    ),
    "Trained on {data}.": "Entrenado con {data}.",
    "Validated on {data}.": "Validado con {data}.",
    "The patient is known of {known} of {images} images.": "Se conoce el paciente de {known} de {images} radiografías.",
    "Detector {name}; input: one image, output: boxes with class and score.": (
        "Detector {name}; entrada: una radiografía; salida: cajas con clase y puntuación."
    ),
    "Every setting of it stands in the model's card.json, under architecture.": (
        "Todos sus ajustes están en card.json del modelo, en architecture."
    ),
    "Measured with {versions}.": "Medido con {versions}.",
    "Training started from the weights of {start}.": "El entrenamiento partió de los pesos de {start}.",
    "One training run; {settings}.": "Un solo entrenamiento; {settings}.",
    "Every setting of it stands in the model's card.json, under settings.": (
        "Todos sus ajustes están en card.json del modelo, en settings."
    ),
    "Threshold {threshold}: {origin}.": "Umbral {threshold}: {origin}.",
    "One model; views of each image that it looks at: {views}.": (
        "Un modelo; vistas de cada radiografía que mira: {views}."
    ),
    (
        "Share of fractures found, precision, F1 and FROC by four criteria ({criteria}); average precision as COCO "
        "defines it; sensitivity, specificity, predictive values and AUC of whole images; calibration error and Brier "
        "score."
    ): (
        "Fracturas encontradas, precisión, F1 y FROC según cuatro criterios ({criteria}); precisión media como la "
        "define COCO; sensibilidad, especificidad, valores predictivos y AUC de radiografías enteras; error de "
        "calibración y puntuación de Brier."
    ),
    "The metrics were measured apart by: {groups}.": "Las cifras se midieron por separado según: {groups}.",
    "The model says where it sees a fracture by its boxes; how far they lie right is measured here.": (
        "El modelo dice con sus cajas dónde ve una fractura; aquí se mide cuánto aciertan."
    ),
    "{images} images: {positive} fractured, {negative} normal, {neither} with difficult boxes only.": (
        "{images} radiografías: {positive} con fractura, {negative} normales, {neither} solo con cajas difíciles."
    ),
    "On these images: see the metrics of this report.": "Con estas radiografías: véanse las cifras de este informe.",
    "The report shows {misses} images with missed fractures and {alarms} with false positives, worst first.": (
        "El informe muestra {misses} radiografías con fracturas no encontradas y {alarms} con marcas falsas, las "
        "peores primero."
    ),
    "Size before the network: {settings}.": "Tamaño ante la red: {settings}.",
    "Further steps: {settings}.": "Otros pasos: {settings}.",
    "Splits that the images name: {splits}.": "Partes que nombran las radiografías: {splits}.",
    "Trained with {versions}.": "Entrenado con {versions}.",
    "No checkpoint was given: the detector's own starting weights.": (
        "No se dio punto de partida: los pesos iniciales propios del detector."
    ),
    "Augmentation: {names}.": "Aumento de datos: {names}.",
    "The state after step {step} was kept, the best on the validation images.": (
        "Se guardó el estado tras el paso {step}, el mejor con las radiografías de validación."
    ),
    "No intervals were computed.": "No se calcularon intervalos.",
    "Patients: {patients}.": "Pacientes: {patients}.",
    "On the validation images: in the model's card, under metrics.": (
        "Con las de validación: en la ficha del modelo, en metrics."
    ),
    "Whether the model was made with any of these images is not known: its card lists no digests.": (
        "No se sabe si el modelo se hizo con alguna de estas radiografías: su ficha no lista resúmenes."
    ),
    (
        "Of {images} images, by the bytes of their files: {trained} trained on, {validated} chose the model's final "
        "state, {threshold} chose the threshold."
    ): (
        "De {images} radiografías, según los bytes de sus archivos: {trained} de entrenamiento, {validated} eligieron "
        "el estado final del modelo, {threshold} eligieron el umbral."
    ),
    (
        "That no image is shared with training under another form can be shown with: fractura check IMAGES --against "
        "TRAINING_IMAGES."
    ): (
        "Que ninguna radiografía se comparte con el entrenamiento en otra forma se muestra con: fractura check "
        "RADIOGRAFÍAS --against ENTRENAMIENTO."
    ),
}

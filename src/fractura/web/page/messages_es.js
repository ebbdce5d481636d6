/**
 * The server's own sentences in Spanish: what is wrong with an image, a box or a file, which stands next to an error's
 * general sentence. A sentence that is missing here is not shown in Spanish; a test finds it in the server's code.
 */

/** Each with the groups of its pattern as $1, $2, …; the first that matches counts. @type {readonly (readonly [RegExp, string])[]} */
const SENTENCES = [
  [/^box (\d+)$/, "caja $1"],
  [/^object (\d+)$/, "objeto $1"],
  [/^line (\d+)$/, "línea $1"],
  [/^box \((.*)\) has coordinates that are not finite$/, "la caja ($1) tiene coordenadas que no son números finitos"],
  [/^box \((.*)\) has no area$/, "la caja ($1) no tiene superficie"],
  [/^box \((.*)\) is thinner than (\S+) pixel$/, "la caja ($1) mide menos de $2 píxel de lado"],
  [/^box \((.*)\) lies outside the image of (\S+)$/, "la caja ($1) queda fuera de la imagen, de $2"],
  [/^box \((.*)\) has less than (\S+) pixel on the image of (\S+)$/, "la caja ($1) tiene menos de $2 píxel sobre la imagen, de $3"],
  [/^has no class name$/, "no tiene nombre de clase"],
  [/^has a line break in its class name$/, "tiene un salto de línea en el nombre de clase"],
  [/^draw it again$/, "dibújela de nuevo"],
  [/^(?:the annotation )?says (\S+), but the image is displayed as (\S+): the boxes were drawn before.*$/, "las etiquetas dicen $1, pero la imagen se muestra como $2: las cajas se dibujaron antes de girarla (orientación EXIF)"],
  [/^(?:the annotation )?says (\S+), but the image is (\S+): width and height are swapped.*$/, "las etiquetas dicen $1, pero la imagen es de $2: anchura y altura están intercambiadas"],
  [/^(?:the annotation )?says (\S+), but the image is (\S+)$/, "las etiquetas dicen $1, pero la imagen es de $2"],
  [/^(?:the annotation )?does not say its width and height, but the image is (\S+)$/, "las etiquetas no indican anchura ni altura; la imagen es de $1"],
  [/^draw the boxes again on the image as it is displayed$/, "dibuje las cajas de nuevo sobre la imagen tal como se muestra"],
  [/^examine the boxes: if they sit right.*$/, "revise las cajas: si están en su sitio, intercambie anchura y altura en el archivo"],
  [/^check that the annotation belongs to this image.*$/, "compruebe que las etiquetas son de esta imagen"],
  [/^is empty$/, "está vacía"],
  [/^is not a readable .* picture$/, "no es una imagen JPEG, PNG, TIFF, BMP, WebP, HEIC o DICOM que se pueda leer"],
  [/^is cut off and cannot be read \(.*\)$/, "está incompleta y no se puede leer"],
  [/^.* and cannot be read \(.*\)$/, "está dañada y no se puede leer"],
  [/^cannot be (?:read|listed): (.*)$/, "no se puede leer"],
  [/^cannot be (?:written|deleted): (.*)$/, "no se puede escribir"],
  [/^temporary files cannot be written: (.*)$/, "no se pueden escribir archivos temporales"],
  [/^claims more than (\S+) million pixels$/, "dice tener más de $1 millones de píxeles"],
  [/^has (\S+) x (\S+) pixels, but its annotation is for (\S+) x (\S+)$/, "mide $1 × $2 píxeles, pero sus etiquetas son para $3 × $4"],
  [/^has more than (\S+) sub-folders$/, "tiene más de $1 subcarpetas"],
  [/^open the one that has the images$/, "abra la que contiene las radiografías"],
  [/^has no pixels$/, "no tiene píxeles"],
  [/^is a HEIC photograph, and the package that reads those is not installed$/, "es una fotografía HEIC, y no está instalado el paquete que las lee"],
  [/^install it with: pip install "fractura\[heic\]", or save.*$/, "instale el paquete con: pip install \"fractura[heic]\", o guarde la imagen como JPEG o PNG"],
  [/^outside what this model was trained on: its header says (\S+)$/, "fuera de lo que este modelo ha aprendido: su cabecera dice $1"],
  [/^outside what this model was trained on: it does not resemble the training images$/, "fuera de lo que este modelo ha aprendido: no se parece a las imágenes de entrenamiento"],
  [/^holds (\S+) pages$/, "contiene $1 páginas"],
  [/^holds floating-point grey levels.*$/, "sus niveles de gris son números decimales, sin blanco ni negro definidos"],
  [/^holds grey levels from (\S+) to (\S+); they must lie in 0 to 65535$/, "tiene niveles de gris de $1 a $2; deben estar entre 0 y 65535"],
  [/^is a colour image of 16 bits.*$/, "es una imagen en color de 16 bits cuyos niveles finos se perderían"],
  [/^is a DICOM without pixels$/, "es un DICOM sin píxeles"],
  [/^is a DICOM in a transfer syntax that is not read: .*$/, "es un DICOM con una sintaxis de transferencia que no se lee"],
  [/^is a DICOM with a lossy JPEG of (\S+) bits.*$/, "es un DICOM con JPEG con pérdida de $1 bits, que no se puede descomprimir sin errores"],
  [/^is a DICOM of (.*) with (\S+) values a pixel, which is not read$/, "es un DICOM de $1 con $2 valores por píxel, que no se lee"],
  [/^is a DICOM with (\S+) of (\S+) bits a value, which is not read$/, "es un DICOM con $1 de $2 bits por valor, que no se lee"],
  [/^is a DICOM (.*), not a radiograph$/, "es un DICOM que no es una radiografía"],
  [/^is a DICOM (.*), not an image$/, "es un DICOM que no es una imagen"],
  [/^is a DICOM with a lossy JPEG in colour of (\S+) bits, which is not read$/, "es un DICOM con JPEG en color y con pérdida de $1 bits, que no se lee"],
  [/^is a deflated DICOM.*$/, "es un DICOM comprimido en su totalidad, que no se lee"],
  [/^is a damaged DICOM: .*$/, "es un DICOM dañado"],
  [/^is cut off: .*$/, "está incompleta: falta una parte del archivo"],
  [/^is a folder, not a file$/, "es una carpeta, no un archivo"],
  [/^is a pipe or a device, not a file$/, "es una tubería o un dispositivo, no un archivo"],
  [/^there is no such file$/, "el archivo no existe"],
  [/^the image cannot be opened$/, "no se puede abrir"],
];

/**
 * @param {string} text A sentence of the server.
 * @returns {string} Empty if there is no translation.
 */
export function inSpanish(text) {
  for (const [pattern, sentence] of SENTENCES) if (pattern.test(text)) return text.replace(pattern, sentence);
  return "";
}

/**
 * Types shared by several modules; no code. They follow the server's API, and a test compares them with its OpenAPI document.
 *
 * @typedef {object} Box A box in pixels of the image as displayed.
 * @property {string} name Class.
 * @property {number} xmin
 * @property {number} ymin
 * @property {number} xmax
 * @property {number} ymax
 * @property {boolean | undefined} [difficult]
 * @property {boolean | undefined} [truncated] Left out when the box was changed: the server derives it as LabelImg does.
 * @property {string | undefined} [pose]
 *
 * @typedef {Box & {score: number, probability: number | null}} Detection A detected box; both 0..1, the probability null
 *   without a calibration.
 * @typedef {Box & {key: string}} KeyedBox A box with an identity for as long as the page is open.
 * @typedef {Detection & {key: string}} Suggestion
 *
 * @typedef {object} PlainLabels The labels of one image as the server takes them.
 * @property {readonly Box[] | null} boxes null where there are none and nobody has decided that the image is normal.
 * @property {boolean} normal Somebody has decided that there is nothing to find; never with boxes.
 * @property {boolean} verified
 * @property {string} comment
 *
 * @typedef {Omit<PlainLabels, "boxes"> & {boxes: readonly KeyedBox[]}} Labels The labels of one image while it is being edited.
 *
 * @typedef {"reading"|"unlabelled"|"suggested"|"labelled"|"verified"|"disagreeing"|"malformed"} ImageState
 *
 * @typedef {object} ImageRow
 * @property {string} id
 * @property {string} name
 * @property {ImageState} state
 * @property {number | null} boxes
 * @property {number | null} uncertainty
 * @property {boolean} disagreeing
 * @property {boolean} comment
 *
 * @typedef {ImageRow & {etag: string | null}} ImageEvent The etag is that of the annotation.
 *
 * @typedef {object} ImagePage
 * @property {ImageRow[]} images
 * @property {number} total
 * @property {number} offset
 * @property {number | null} position
 * @property {Record<string, number>} counts
 * @property {number} revision
 * @property {boolean} reading
 *
 * @typedef {{centre: number, width: number}} Grey A window: the grey values centre - width/2 … centre + width/2 are shown.
 *
 * @typedef {object} ImageHeader The information in an image's header.
 * @property {number} width
 * @property {number} height
 * @property {number} bit_depth
 * @property {Grey & {lowest: number, highest: number} | null} window
 * @property {boolean} dicom
 * @property {boolean} inverted
 * @property {boolean} burnt_in_text
 * @property {number} frames
 * @property {string | null} body_part
 * @property {string | null} view
 * @property {string | null} laterality
 * @property {{across: number, down: number, kind: "calibrated" | "unknown" | "detector"} | null} spacing mm a pixel.
 *
 * @typedef {ImageRow & ImageHeader} ImageFacts
 *
 * @typedef {ImageRow & {relation: "study" | "patient"}} RelatedImage
 *
 * @typedef {{images: RelatedImage[] | null}} RelatedImages null where the file does not say whose image it is.
 *
 * @typedef {{message: string, place: string | null, hint: string | null}} Note
 *
 * @typedef {object} Annotation
 * @property {string} image
 * @property {boolean} exists
 * @property {boolean} normal
 * @property {string} etag
 * @property {number} width
 * @property {number} height
 * @property {Box[]} boxes
 * @property {boolean} verified
 * @property {string} comment
 * @property {[number | null, number | null] | null} written_size
 * @property {Note[]} notes
 * @property {boolean} has_backup
 *
 * @typedef {object} Session
 * @property {string} version
 * @property {"label" | "serve"} mode
 * @property {string | null} folder
 * @property {string | null} folder_id
 * @property {boolean} can_open
 * @property {string | null} model
 * @property {boolean} can_train
 * @property {string | null} train_hint
 * @property {{image_bytes: number, image_pixels: number, images_per_request: number, request_bytes: number}} limits
 * @property {ImageState[]} states
 *
 * @typedef {{id: string, name: string}} ListedFolder
 * @typedef {object} FolderListing
 * @property {string | null} id null above the roots.
 * @property {string} name
 * @property {number} images
 * @property {ListedFolder[]} trail From the root down to this one.
 * @property {ListedFolder[]} folders
 * @property {string | null} start
 *
 * @typedef {{name: string, boxes: number}} ClassName
 * @typedef {object} ClassNames
 * @property {ClassName[]} classes
 * @property {string} file Where a new one is kept.
 *
 * @typedef {{threshold: number, sensitivity: number, false_positives_per_image: number}} OperatingPoint Measured at IoU 0.3.
 *
 * @typedef {object} Model
 * @property {string} id
 * @property {string} name
 * @property {string} origin
 * @property {string[]} class_names
 * @property {number | null} threshold
 * @property {string | null} threshold_aim
 * @property {string | null} licence
 * @property {number | null} images
 * @property {OperatingPoint[]} operating_points
 * @property {string | null} problem
 *
 * @typedef {{models: Model[], current: string | null}} Models
 *
 * @typedef {"likely" | "possible" | "unlikely" | "suspected" | "not detected"} Answer Of a fracture on an image.
 *
 * @typedef {object} Sensitivity Measured for whole images.
 * @property {number} value
 * @property {number | null} low Of the 95 % interval.
 * @property {number | null} high
 * @property {number} images Fractured ones.
 *
 * @typedef {object} ImageSuggestions
 * @property {string} image
 * @property {string | null} model
 * @property {"ready" | "waiting" | "none"} status
 * @property {Detection[]} boxes
 * @property {number | null} threshold
 * @property {Answer | null} answer
 * @property {number | null} image_score
 * @property {number | null} image_probability
 * @property {Sensitivity | null} sensitivity
 * @property {string | null} warning That the image is outside what the model was trained on.
 * @property {number | null} uncertainty
 * @property {{kind: "missed_by_human" | "missed_by_model" | "other_class", box: Box}[]} disagreements
 *
 * @typedef {object} SuggestionRun
 * @property {boolean} running
 * @property {number} done
 * @property {number} total
 * @property {number} failed
 * @property {string | null} model
 * @property {number | null} seconds_left
 *
 * @typedef {{value: number, low: number | null, high: number | null}} MeasuredValue With its 95 % interval.
 *
 * @typedef {object} TrainingResult The new model on the images kept for validation, and the model in use on the same ones.
 * @property {number} images
 * @property {number} negatives
 * @property {number} boxes
 * @property {MeasuredValue | null} AP50
 * @property {number | null} in_use_ap50
 * @property {MeasuredValue | null} difference
 * @property {number | null} seen Images that the model in use was trained on.
 *
 * @typedef {object} Training
 * @property {"idle"|"preparing"|"running"|"measuring"|"done"|"failed"|"stopped"} state
 * @property {number} step
 * @property {number} num_steps
 * @property {number | null} loss
 * @property {number | null} seconds_left
 * @property {string | null} message
 * @property {string[]} lines
 * @property {{step: number, loss: number}[]} history
 * @property {string | null} model
 * @property {number | null} kept_step
 * @property {TrainingResult | null} result
 * @property {string | null} in_use
 * @property {boolean} asks
 * @property {{step: number, AP50: number | null}[]} validations
 *
 * @typedef {object} DetectionRow A detection as in results.json.
 * @property {string} class
 * @property {number} score
 * @property {number | null} probability
 * @property {[number, number, number, number]} box Left, top, right, bottom.
 *
 * @typedef {object} DetectedImage An image as in results.json, followed by what is known of the upload.
 * @property {string} image Its name.
 * @property {number | null} width
 * @property {number | null} height
 * @property {Answer | null} answer
 * @property {number | null} image_score
 * @property {number | null} image_probability
 * @property {string | null} picture
 * @property {string | null} explanation
 * @property {string | null} annotation
 * @property {DetectionRow[]} detections
 * @property {Record<string, string | null> | null} identifiers
 * @property {string | null} warning That the image is outside what the model was trained on.
 * @property {{code: string, message: string, place: string | null, hint: string | null} | null} error
 * @property {string | null} id
 * @property {number | null} bit_depth
 * @property {boolean} dicom
 * @property {Box[] | null} ground_truth
 * @property {string | null} ground_truth_problem Why the annotation sent along is not used.
 * @property {number} seconds
 *
 * @typedef {object} DetectResponse
 * @property {number} schema_version
 * @property {string} made_by
 * @property {string} version
 * @property {string} created
 * @property {string} model
 * @property {string} model_digest
 * @property {string[]} class_names
 * @property {number} threshold
 * @property {Sensitivity | null} sensitivity
 * @property {string[]} views
 * @property {boolean} calibrated
 * @property {boolean} complete
 * @property {DetectedImage[]} images
 *
 * @typedef {Omit<DetectedImage, "detections"> & {detections: Detection[]}} ImageResult With the detections as the page draws them.
 * @typedef {Omit<DetectResponse, "images"> & {images: ImageResult[]}} DetectResult
 *
 * @typedef {{x: number, y: number}} Point
 * @typedef {{width: number, height: number}} Size
 */

export {};

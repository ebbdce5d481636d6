"""Results in the forms that a hospital's systems read, as objects of the image's study.

DICOM: a structured report, a secondary capture with the boxes drawn, a presentation state. Messages: FHIR and HL7
version 2. All of them are preliminary and unverified, and name the model and the installation that made them. They name
the patient, as the image does: they are made only where somebody asks for them.
"""

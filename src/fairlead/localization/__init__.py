"""Whether catalogs say in every language what their source says: gettext, Apple's, Android's, JSON.

Every format is read into one model (``model``), and one set of rules looks at it. Pure: files
are read by whoever asks (``fairlead.questions.localization``).
"""

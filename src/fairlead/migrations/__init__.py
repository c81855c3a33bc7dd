"""Migrations: whether old code works on the new schema, judged from what was seen.

Pure: it is told what SQL there is, what the catalogs held before and after, which locks were
traced and how the tests went, and says what that means. Who runs things is
``fairlead.questions.migrations``.
"""

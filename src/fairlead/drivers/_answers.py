"""What every proxy of ours answers by itself, and which assets may be kept for how long."""

RETRY_AFTER = 5  # seconds
HEADER_TIME = 10  # seconds a client may take to send a request's headers
# What build tools put into a name: 8 or more hexadecimal digits between a dot or a dash and
# a dot. Digits alone may be a date (report-20240131.pdf), so those are not held for a year.
HASHED = r"[.-][0-9a-f]{8,}\.[^/]*$"
DIGITS = r"[.-][0-9]{8,}\.[^/]*$"
FOREVER = "public, max-age=31536000, immutable"
SHORT = "public, max-age=60"
MAINTENANCE = "Down for maintenance. Please try again in a moment.\n"

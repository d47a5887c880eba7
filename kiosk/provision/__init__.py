"""``kiosk provision``: from an empty folder to a working box, in one conversation or from a file of answers.

Everything is made whole or not at all and nothing is asked twice: a run that was cut goes on where it stopped.
"""

"""``kiosk doctor``: ``check`` and everything around it that can be wrong, each with what to do about it.

Every look is a small function that returns findings; what it looks at is an argument. Nothing here registers, cancels
or changes anything, except one probe file beside the store that is gone again.
"""

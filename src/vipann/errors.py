"""The one exception whose message is meant for the person who runs the workflow."""


class UserError(Exception):
    """Something in the user's config, data or files is wrong; the message says what to do."""
